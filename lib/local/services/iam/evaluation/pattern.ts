const compiled = new Map<string, RegExp>();

/** `*` stands for any text, `?` for one character (IAM user guide, "Resource", 2025). */
function glob(pattern: string, ignoreCase = false): RegExp {
  const key = ignoreCase ? `i:${pattern}` : `c:${pattern}`;
  let regex = compiled.get(key);
  if (!regex) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".");
    regex = new RegExp(`^${source}$`, ignoreCase ? "is" : "s");
    compiled.set(key, regex);
  }
  return regex;
}

export const matchesText = (pattern: string, text: string): boolean => glob(pattern).test(text);

/** Actions do not distinguish upper and lower case (IAM user guide, "Action", 2025). */
export const matchesAction = (pattern: string, action: string): boolean => glob(pattern, true).test(action);

/** The six parts of an ARN; the last keeps its own colons. */
function parts(arn: string): string[] {
  const all = arn.split(":");
  return all.length <= 6 ? all : [...all.slice(0, 5), all.slice(5).join(":")];
}

/** Each of the six parts is compared by itself (IAM user guide, "ARN condition operators", 2025). */
export function matchesArn(pattern: string, arn: string): boolean {
  const [wanted, given] = [parts(pattern), parts(arn)];
  return wanted.length === 6 && given.length === 6 && wanted.every((part, i) => matchesText(part, given[i] ?? ""));
}

/**
 * A policy's resource against a request's. A wildcard stays within its part of the ARN, unless it ends a pattern that
 * has fewer parts than an ARN (IAM user guide, "Resource", 2025).
 */
export function matchesResource(pattern: string, resource: string): boolean {
  if (pattern === "*") return true;
  return parts(pattern).length === 6 ? matchesArn(pattern, resource) : matchesText(pattern, resource);
}
