// Image references: the familiar form that engines list, and whether a reference means a cached image.
import type { JsonObject } from '../base/json.js';

interface ListedImage {
  /** `sha256:…` */
  readonly id: string;
  readonly summary: JsonObject;
}

/** `docker.io/library/busybox` → `busybox`, `index.docker.io/a/b` → `a/b`; other registries stay. */
export function familiarName(reference: string): string {
  // Engines list familiar names, tens of thousands of them in a fleet.
  if (!reference.includes('docker.io/') && !reference.startsWith('library/')) return reference;
  return reference.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}

/** The familiar reference with its tag, `latest` where none is given; digests stay. */
export function withDefaultTag(reference: string): string {
  const familiar = familiarName(reference);
  if (familiar.includes('@')) return familiar;
  return familiar.slice(familiar.lastIndexOf('/') + 1).includes(':') ? familiar : `${familiar}:latest`;
}

/** Whether `reference` (name, name:tag, name@digest, ID or prefix of an ID) means this image. */
export function imageMatches(image: ListedImage, reference: string): boolean {
  const digits = idDigits(reference);
  return (
    (digits !== undefined && image.id.replace(/^sha256:/, '').startsWith(digits)) ||
    namesOf(image).includes(nameKey(reference))
  );
}

/** The reference as a name: familiar, with its tag or digest; with a digest the tag says nothing and is left out. */
export function nameKey(reference: string): string {
  return withDefaultTag(reference).replace(/:[^/:@]+@/, '@');
}

/** All names of the image: tags and digests in their familiar form. */
export function namesOf(image: ListedImage): string[] {
  return [...repoTags(image), ...repoDigests(image)].map(familiarName);
}

export function repoTags({ summary }: ListedImage): string[] {
  return stringsAt(summary, 'RepoTags').filter((tag) => tag !== '<none>:<none>');
}

export function repoDigests({ summary }: ListedImage): string[] {
  return stringsAt(summary, 'RepoDigests').filter((digest) => digest !== '<none>@<none>');
}

// Engines take IDs from 1 digit; fewer than 4 are far more often a mistyped name.
const shortestIdPrefix = 4;

/** The digits of an ID or of the beginning of one; undefined when the reference cannot be that. */
export function idDigits(reference: string): string | undefined {
  const digits = reference.startsWith('sha256:') ? reference.slice('sha256:'.length) : reference;
  return digits.length >= shortestIdPrefix && /^[0-9a-f]{1,64}$/.test(digits) ? digits : undefined;
}

function stringsAt(summary: JsonObject, key: string): string[] {
  const value: unknown = summary[key];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
