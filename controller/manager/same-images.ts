// Which image IDs are one image: engines that keep images in containerd name an image by the hash of its manifest, the others
// by that of its configuration. No list of theirs says both, so what copies and loads have shown is remembered.

// Two IDs for each image that both kinds of engines have; the oldest are forgotten first, and then shown anew by the next
// copy. An entry takes ~250 bytes: 2 MB.
const rememberedIds = 8192;

export class SameImages {
  /** The first ID of each image that is known by several. */
  readonly #firstOf = new Map<string, string>();

  /** Notes that all of these are IDs of one image; the first one stands for all unless another does already. */
  note(ids: readonly string[]): void {
    const distinct = [...new Set(ids)];
    if (distinct.length < 2) return;
    const roots = new Set(distinct.flatMap((id) => this.#firstOf.get(id) ?? []));
    const [first = distinct[0] ?? ''] = roots;
    // Rarely two that were known apart become one, and all of their IDs must follow.
    const members =
      roots.size < 2 ? [] : [...this.#firstOf].flatMap(([id, root]) => (roots.has(root) ? [id] : []));
    for (const id of new Set([first, ...members, ...distinct])) {
      this.#firstOf.delete(id);
      this.#firstOf.set(id, first);
    }
    for (const id of this.#firstOf.keys()) {
      if (this.#firstOf.size <= rememberedIds) break;
      this.#firstOf.delete(id);
    }
  }

  /** All IDs of each image, the one that stands for them first. */
  groups(): readonly (readonly string[])[] {
    const groups = new Map<string, string[]>();
    for (const [id, first] of this.#firstOf) {
      const group = groups.get(first) ?? [first];
      if (id !== first) group.push(id);
      groups.set(first, group);
    }
    return [...groups.values()];
  }

  /** The ID that stands for the image: `id` itself where it is known by no other. */
  firstOf(id: string): string {
    return this.#firstOf.get(id) ?? id;
  }

  areSame(a: string, b: string): boolean {
    return a === b || this.firstOf(a) === this.firstOf(b);
  }
}
