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
