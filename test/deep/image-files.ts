import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** What an image holds in one of its folders. */
export interface ImageFiles {
  readonly missing?: true;
  readonly tree: string;
  readonly odd: readonly string[];
  readonly entries: readonly {
    readonly type: string;
    readonly path: string;
    readonly target?: string;
    readonly hex?: string;
  }[];
  readonly config: { readonly config: Readonly<Record<string, unknown>> };
}

/** Reads images by test/checker/image_files.py, which shares nothing with what built them. */
export class ImageReader {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const script = join(__dirname, "../checker/image_files.py");
    this.#child = spawn("python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @param repository `host/path` */
  async read(repository: string, reference: string, folder: string): Promise<ImageFiles> {
    const [registry = "", ...path] = repository.split("/");
    this.#child.stdin.write(`${JSON.stringify({ registry, repository: path.join("/"), reference, folder })}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("image_files.py ended; what it says is above");
    return JSON.parse(value);
  }

  end(): void {
    this.#child.stdin.end();
  }
}
