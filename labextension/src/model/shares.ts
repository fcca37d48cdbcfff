/** The least share of a section, so that a handle drawn to the edge loses none. */
const LEAST = 0.2;

/** How the sections of an accordion share its height: each open one by its weight, of which 1 is a fair share. */
export class Shares {
  constructor(private readonly names: readonly string[]) {}

  /** The weights that are not 1, by the names of their sections. */
  weights: Readonly<Record<string, number>> = {};

  /** Return the size of each section, relative to the others; 0 for those that are closed. */
  sizes(isOpen: (name: string) => boolean): number[] {
    return this.names.map(name => (isOpen(name) ? (this.weights[name] ?? 1) : 0));
  }

  /** Keep the sizes that the open sections were given by hand. */
  keep(sizes: readonly number[], isOpen: (name: string) => boolean): void {
    const open = this.names.flatMap((name, index) =>
      isOpen(name) ? [[name, sizes[index] ?? 0] as const] : []
    );
    const mean = open.reduce((sum, [, size]) => sum + size, 0) / open.length;
    if (mean > 0) {
      const weights = open.map(([name, size]) => [name, Math.max(LEAST, size / mean)] as const);
      this.weights = { ...this.weights, ...Object.fromEntries(weights) };
    }
  }
}
