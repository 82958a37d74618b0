import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { newName, newRepository, publish, readImage } from "./real-parts";

test("zstd compresses the layers that are built, and a stored image stays as it is when another compression is asked for", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /word`);
  const repository = newRepository();
  const built = await publish(image, { repository, compression: "zstd" });
  const { manifest } = await readImage(built.ref);
  expect(manifest.layers.at(-1)?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");

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
