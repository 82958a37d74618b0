/** Why a node does not get an image. */
export interface PullFailure {
  /** In plain words. */
  readonly cause: string;
  /** Whether waiting longer cannot help: nobody repairs a wrong name by itself. */
  readonly definite: boolean;
}

const NO_FAILURE = new Set(["ContainerCreating", "PodInitializing"]);

const CAUSES: readonly { readonly pattern: RegExp; readonly words: string; readonly definite: boolean }[] = [
  {
    pattern: /no match for platform|exec format error/i,
    words: "the image is for another architecture",
    definite: true,
  },
  {
    // containerd before 2.1 and CRI-O before 1.31 see a mount without a source.
    pattern: /failed to mkdir ""|mount\.HostPath is empty/,
    words: 'the node\'s container runtime has no image volumes (mechanism "exec" does without)',
    definite: true,
  },
  { pattern: /no space left on device/i, words: "the node's disk is full", definite: false },
  {
    pattern: /401 unauthorized|403 forbidden|authorization failed|pull access denied|insufficient_scope|no basic auth/i,
    words: "the registry does not let the node in (see imagePullSecrets, or the node's role)",
    definite: true,
  },
  { pattern: /code = NotFound|: not found|manifest unknown/i, words: "the registry does not have it", definite: true },
  {
    pattern: /connection refused|no such host|i\/o timeout|no route to host|deadline exceeded|connection reset|EOF/i,
    words: "the node cannot reach the registry",
    definite: false,
  },
  { pattern: /x509|certificate/i, words: "the node does not trust the registry's certificate", definite: false },
];

/**
 * What a container's waiting state says of an image. `ErrImagePull` and `ImagePullBackOff` take turns and mean the same;
 * the root cause stands at the end of the message.
 */
export function explainWaiting(reason: string, message: string): PullFailure | undefined {
  if (NO_FAILURE.has(reason)) return undefined;
  if (reason === "InvalidImageName") return { cause: "the reference is malformed", definite: true };
  const [root = ""] = message.split("ErrImagePull: ").slice(-1);
  const known = CAUSES.find(({ pattern }) => pattern.test(message));
  if (known !== undefined) return { cause: known.words, definite: known.definite };
  const text = root === "" ? reason : `${reason}: ${root}`;
  return { cause: text.length > 300 ? `${text.slice(0, 297)}…` : text, definite: false };
}
