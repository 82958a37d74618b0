import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { newName, newRepository, publish, readImage } from "./real-parts";

test("layers that are built are compressed with zstd, or as it is asked, and a stored image stays as it is", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /word`);
  const lastLayer = async (ref: string): Promise<string | undefined> =>
    (await readImage(ref)).manifest.layers.at(-1)?.mediaType;
  const repository = newRepository();
  const built = await publish(image, { repository });
  expect(await lastLayer(built.ref)).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
  const elsewhere = await publish(image, { repository: newRepository(), compression: "gzip" });
  expect(await lastLayer(elsewhere.ref)).toBe("application/vnd.oci.image.layer.v1.tar+gzip");

  const again = await publish(image, { repository, compression: "gzip" });
  expect(again.ref).toBe(built.ref);
});

test("a builder that holds a prefix's layers in gzip gives an image on the prefix in zstd the digest of all others", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /one`, "echo two > /two");
  const apart = { prefixes: { kept: [1], stored: 0 } };
  const whole = { prefixes: { kept: [], stored: 0 } };
  await publish(image, { ...apart, compression: "gzip" });
  const inParts = await publish(image, { ...apart, compression: "zstd" });
  const { manifest } = await readImage(inParts.ref);
  const zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
  expect(manifest.layers.slice(-2).map(({ mediaType }) => mediaType)).toEqual([zstd, zstd]);
  expect(inParts.digest).toBe((await publish(image, { ...whole, compression: "zstd" })).digest);
});

test("an image on another one of its repository names the layers of that, also where the builder has them in gzip", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /one`);
  const repository = newRepository();
  await publish(image, { repository: newRepository(), compression: "gzip" });
  const base = await publish(image, { repository, compression: "zstd" });
  const built = await publish(Image.base(base.ref).runCommands("echo two > /two"), { repository });
  const layersOf = async (ref: string) => (await readImage(ref)).manifest.layers.map(({ digest }) => digest);
  expect((await layersOf(built.ref)).slice(0, -1)).toEqual(await layersOf(base.ref));
});
