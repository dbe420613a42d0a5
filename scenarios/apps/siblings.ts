/** Two guarded functions in one stack: what CloudFormation does to the one when the other one fails. */
import { shop } from "./parts/shop.ts";

shop(() => "");
