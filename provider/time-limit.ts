/**
 * A signal that aborts after a time, or with another one.
 *
 * Not `AbortSignal.any([AbortSignal.timeout(…), …])`: in Node 20 nothing holds that time-out, and after a garbage
 * collection it never comes, so that a silent registry was waited for until fetch's own five minutes were over.
 *
 * @param timeoutMs milliseconds
 */
export function limitTime(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const limit = new AbortController();
  setTimeout(() => limit.abort(timeoutError()), timeoutMs).unref();
  return signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]);
}

/** What `AbortSignal.timeout` aborts with. */
export function timeoutError(): DOMException {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}
