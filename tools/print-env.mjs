// eval "$(npm run -s env)": the local environment in this shell, started where it is missing.
import { startEnvironment } from "./environment.mjs";
import { quote } from "./local/bin-folder.mjs";
import { binFolder } from "./local/folders.mjs";
import { describe } from "./local/problem.mjs";

try {
  // stdout is what the shell evaluates.
  const { env } = await startEnvironment({ log: (line) => console.error(line) });
  for (const [name, value] of Object.entries(env)) if (name !== "PATH") console.log(`export ${name}=${quote(value)}`);
  // Our own PATH is npm's, with folders of the clone that are no business of the user's shell.
  console.log(`case ":$PATH:" in *:${quote(binFolder)}:*) ;; *) export PATH=${quote(binFolder)}:"$PATH" ;; esac`);
} catch (error) {
  console.error(describe(error));
  console.log("false"); // so that `eval` fails too
  process.exitCode = 1;
}
