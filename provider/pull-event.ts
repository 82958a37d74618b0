/** What kubelet tells of one image on one node. */
export type PullEvent =
  | { readonly kind: "pulling" }
  | { readonly kind: "pulled"; readonly seconds: number; readonly sizeBytes: number | undefined }
  | { readonly kind: "present" };

/**
 * Reads the message of an event of a pod, if it speaks of this image. An image volume's events say the same as those of
 * a container's image.
 */
export function readPullEvent(message: string, reference: string): PullEvent | undefined {
  if (!message.includes(`"${reference}"`)) return undefined;
  if (message.startsWith("Pulling image ")) return { kind: "pulling" };
  // `Container image "REF" already present on machine`, with or without more words behind it.
  if (/^Container image ".*" already present on machine/.test(message)) return { kind: "present" };
  const pulled = /^Successfully pulled image ".*" in (\S+) \(/.exec(message);
  if (pulled === null) return undefined;
  const size = /Image size: (\d+) bytes/.exec(message)?.[1];
  return {
    kind: "pulled",
    seconds: readDuration(pulled[1] ?? ""),
    sizeBytes: size === undefined ? undefined : Number(size),
  };
}

/** Whether an event's message is one that {@link readPullEvent} may read, of whatever image. */
export function isPullMessage(message: string): boolean {
  return /^(?:Pulling image |Successfully pulled image |Container image ")/.test(message);
}

/** A duration as Go prints it: `1m2.5s`, `862ms`. */
function readDuration(text: string): number {
  const inSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, µs: 1e-6, us: 1e-6, ns: 1e-9 };
  const parts = [...text.matchAll(/([\d.]+)(h|ms|m|s|µs|us|ns)/g)];
  return parts.reduce((sum, [, amount = "0", unit = "s"]) => sum + Number(amount) * (inSeconds[unit] ?? 0), 0);
}
