/** What a Lambda's context says of the run. */
export interface RunContext {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}
