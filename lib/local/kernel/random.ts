/** Request ids and client tokens: new in every run, however equal the runs are. */
export const RANDOM_ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A small seeded generator (sfc32 over a hash of the seed): the same seed gives the same world on every machine. */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;
  private readonly seed: string;

  constructor(seed: string | number) {
    this.seed = String(seed);
    const hash = (salt: number) => {
      let h = 2166136261 ^ salt;
      for (let i = 0; i < this.seed.length; i++) h = Math.imul(h ^ this.seed.charCodeAt(i), 16777619);
      h ^= h >>> 16;
      h = Math.imul(h, 2246822507);
      return (h ^ (h >>> 13)) | 0;
    };
    this.a = hash(0x9e3779b9);
    this.b = hash(0x243f6a88);
    this.c = hash(0xb7e15162);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return (t >>> 0) / 4294967296;
  }

  integer(minInclusive: number, maxInclusive: number): number {
    return minInclusive + Math.floor(this.next() * (maxInclusive - minInclusive + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  text(length: number, alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"): string {
    return Array.from({ length }, () => alphabet[Math.floor(this.next() * alphabet.length)]).join("");
  }

  uuid(): string {
    const hex = this.text(32, "0123456789abcdef");
    const variant = "89ab"[Math.floor(this.next() * 4)];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** An independent stream: what one part draws does not shift what another draws. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`);
  }
}
