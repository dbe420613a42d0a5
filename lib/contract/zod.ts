import { config } from "zod/mini";
import en from "zod/v4/locales/en.js";

// The small build of zod says no more than "Invalid input" until it is given a language, and all languages together
// weigh 200 KB.
config(en());

export * from "zod/mini";
