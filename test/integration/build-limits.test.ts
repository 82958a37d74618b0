import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { expectCode } from "../fakes/registry-contract";
import { newName, publish } from "./real-parts";

const sleeper = () => Image.debianSlim("3.11").runCommands(`sleep 600 # ${newName()}`);

test("a build that takes longer than it may is ended, and says so", async () => {
  const error = await expectCode(publish(sleeper(), { settings: { timeoutSeconds: 2 } }), "BUILD_TIMEOUT");
  expect(error.text).toBe("building: it took longer than 2 s and was stopped.");
});

test("a step of which nothing is heard is ended, and named", async () => {
  const settings = { idleTimeoutSeconds: 5, timeoutSeconds: 600 };
  const error = await expectCode(publish(sleeper(), { settings }), "BUILD_TIMEOUT");
  expect(error.text).toMatch(/^building step 1 of 1: runCommands sleep 600 .*: nothing was heard of it for 5 s/);
});

test("a limit that is not met changes nothing", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /word`);
  const built = await publish(image, { settings: { idleTimeoutSeconds: 300, timeoutSeconds: 600 } });
  expect(built.reused).toBe(false);
});
