// Started beside a private instance: waits for its starter to go away, then ends what is left.
import { endThrowAway } from "./throw-away.mjs";

const [name, folder, data] = process.argv.slice(2);
if (!name || !folder || !data) throw new Error("usage: reaper.mjs NAME FOLDER DATA");
process.stdin.on("data", () => {});
process.stdin.on("error", () => {});
process.stdin.on("close", () => void endThrowAway(name, folder, data));
