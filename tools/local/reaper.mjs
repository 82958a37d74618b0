// Started beside a private instance: waits for its starter to go away, then ends what is left.
import { endThrowAway } from "./throw-away.mjs";

const [throwAway] = process.argv.slice(2);
if (!throwAway) throw new Error("usage: reaper.mjs THROW-AWAY (JSON)");
process.stdin.on("data", () => {});
process.stdin.on("error", () => {});
process.stdin.on("close", () => void endThrowAway(JSON.parse(throwAway)));
