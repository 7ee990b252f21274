// Removes secrets from text that leaves the process: logs, status, errors.

const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/g, '[private key removed]'],
  [/\b(token:\/\/[^\s/]*\/(?:v1\/)?)[0-9a-f]{32}\b/gi, '$1***'],
  [/(\/v1\/clusters\/)[0-9a-f]{32}\b/gi, '$1***'],
  [/("?(?:password|identitytoken|registrytoken|auth)"?\s*[:=]\s*")[^"]*"/gi, '$1***"'],
];

/** Text with private keys, discovery tokens and registry credentials replaced. */
export function redact(text: string): string {
  return patterns.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}
