import { expect, test } from "vitest";
import { WrongImages } from "../../provider/wrong-images";

/** What watching ends with. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return error;
  }
}

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, 5, value));
async function failLater(text: string): Promise<never> {
  await later(undefined);
  throw new Error(text);
}

test("an image that is right is handed on, and nothing is reported", async () => {
  const reported: unknown[] = [];
  expect(await new WrongImages().watch(Promise.resolve("hash"), (error) => reported.push(error))).toBe("hash");
  expect(reported).toEqual([]);
});

test("each wrong image is reported as its own, and one error ends the program for all", async () => {
  const wrong = new WrongImages();
  const reported: string[] = [];
  const watch = (name: string, work: Promise<unknown>) =>
    outcome(wrong.watch(work, (error) => reported.push(`${name}: ${String(error)}`)));
  const [first, second, right] = await Promise.all([
    watch("first", Promise.reject(new Error("one"))),
    watch("second", failLater("two")),
    watch("right", later("hash")),
  ]);
  expect(reported).toEqual(["first: Error: one", "second: Error: two"]);
  expect(right).toBe("hash");
  expect(second).toBe(first);
  expect(String(first)).toContain("2 images cannot be built; their lines say why.");
});

test("an image that the program hands over a moment later is waited for, too", async () => {
  const wrong = new WrongImages();
  const moment = new Promise((resolve) => setImmediate(resolve));
  const first = outcome(wrong.watch(Promise.reject(new Error("one")), () => undefined));
  await moment;
  const second = outcome(wrong.watch(failLater("two"), () => undefined));
  expect(String(await first)).toContain("2 images cannot be built");
  expect(await second).toBe(await first);
});

test("a single wrong image is spoken of as one", async () => {
  const error = await outcome(new WrongImages().watch(Promise.reject(new Error("x")), () => undefined));
  expect(String(error)).toContain("An image cannot be built; its line says why.");
});

test("the error has Pulumi's mark and keeps its one line, whatever is written into it", async () => {
  const error = await outcome(new WrongImages().watch(Promise.reject(new Error("x")), () => undefined));
  if (!(error instanceof Error)) throw new Error("an error was expected");
  expect(error).toMatchObject({ __pulumiRunError: true });
  error.message = 'Error serializing property "hash"';
  expect(error.message).toBe("An image cannot be built; its line says why.");
});
