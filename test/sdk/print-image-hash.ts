import { hashSpec } from "../../sdk/hash";
import { awkwardImage, resolveImage } from "./specs";

// Started by hash-traps.test.ts as a process of its own, in another time zone and language: prints the hash of an image
// that copies the folder.
const [folder = ""] = process.argv.slice(2);
void resolveImage(awkwardImage(folder), folder).then((spec) => console.log(hashSpec(spec)));
