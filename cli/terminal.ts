import type { Leftovers } from "../provider/leftovers";

/** What a command has of its process. */
export interface Terminal {
  /** Where the user is; what the arguments are relative to. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The width of stderr where it is a terminal, else `undefined`. */
  readonly columns: number | undefined;
  /** Writes to stdout: results and nothing else. */
  readonly print: (text: string) => void;
  /** Writes to stderr: progress and errors. */
  readonly report: (text: string) => void;
  /** Makes a folder the process's own: the methods of Image look for files there. */
  readonly changeFolder: (folder: string) => void;
  /** A signal that aborts when the process is asked to end; what is temporary goes before it does. */
  readonly stopOnSignal: (leftovers: Leftovers) => AbortSignal;
}
