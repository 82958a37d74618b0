import { expect, test } from "vitest";
import type { DeclaredImage } from "../../cli/select-images";
import { parseShard, takeShard } from "../../cli/shard";
import { Image } from "../../sdk";

function declare(name: string, image: Image, folder = "/program"): DeclaredImage {
  return { name, image, folder };
}

function namesIn(images: readonly DeclaredImage[], parts: number): readonly (readonly string[])[] {
  return Array.from({ length: parts }, (_, index) =>
    takeShard(images, { part: index + 1, parts }).map(({ name }) => name),
  );
}

/** Five lists of steps, each at the beginning of four images, in no order. */
const images = Array.from({ length: 20 }, (_, index) => {
  const shared = Image.debianSlim("3.11").runCommands(`make ${index % 5}`);
  return declare(`image-${index}`, shared.env({ NUMBER: String(index) }));
});

test.each([1, 2, 3, 7, 20, 21, 50])("each image is in one of %i parts, and no part is larger by two", (parts) => {
  const found = namesIn(images, parts);
  expect(found.flat().sort()).toEqual(images.map(({ name }) => name).sort());
  const sizes = found.map(({ length }) => length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});

test("images that begin with the same steps are in one part", () => {
  const part = (name: string) => namesIn(images, 5).findIndex((names) => names.includes(name));
  for (let index = 5; index < 20; index += 1) expect(part(`image-${index}`)).toBe(part(`image-${index % 5}`));
});

test("an image's part depends on no order of words, and a part keeps the order given", () => {
  const reversed = images.toReversed();
  for (const [index, names] of namesIn(images, 3).entries()) {
    expect(namesIn(reversed, 3)[index]).toEqual(names.toReversed());
  }
  const [first = []] = namesIn(images, 1);
  expect(first).toEqual(images.map(({ name }) => name));
});

test("images that are declared alike are in one part, in whatever place they set their variables", () => {
  const file = { strategy: "copy" } as const;
  const base = Image.debianSlim("3.11");
  const alike = [
    declare("z", base.env({ A: "1" }).addLocalFile("package.json", "/x", file)),
    declare("b", base.cmd(["true"])),
    declare("a", base.addLocalFile("package.json", "/x", file).env({ A: "1" })),
  ];
  expect(namesIn(alike, 2)).toEqual([["b"], ["z", "a"]]);
});

test.each(["0/3", "4/3", "1", "1/", "a/b", "-1/3", "1/2/3", ""])("--shard %s is refused", (text) => {
  expect(() => parseShard(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("--shard is a part and how many there are", () => {
  expect(parseShard("3/8")).toEqual({ part: 3, parts: 8 });
});
