/** Takes the place of `bowser`, with which the SDK reads a browser's user agent: there is no browser in Lambda. */
export default undefined;
