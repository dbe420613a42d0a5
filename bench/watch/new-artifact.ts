interface Resource {
  Type: string;
}

/**
 * The same template with another artifact: a synthesis for each of hundreds of releases would take longer than they do.
 * Versions get logical ids of their own, as the CDK gives them for every change of a function.
 */
export function newArtifact(template: string, artifact: string, name: string): string {
  const { Resources = {} } = JSON.parse(template) as { Resources?: Record<string, Resource> };
  const versions = Object.keys(Resources).filter((id) => Resources[id]!.Type === "AWS::Lambda::Version");
  return versions
    .reduce((text, id) => text.replaceAll(`"${id}"`, `"${id}${name}"`), template)
    .replace(new RegExp(`("RELEASE":\\s*)"${artifact}"`, "g"), `$1"${artifact}-${name}"`);
}
