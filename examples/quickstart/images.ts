import { Image } from "slipway";

export const api = Image.debianSlim("3.11")
  .pipInstall(["requests==2.32.3"])
  .workdir("/app")
  .env({ GREETING: "Hello from an image that pulumi up built" })
  .cmd(["python3", "main.py"])
  .addLocalFile("main.py", "/app/main.py", { strategy: "copy" });
