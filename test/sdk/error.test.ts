import { describe, expect, it } from "vitest";
import { describeError, hideCredentials, SlipwayError } from "../../sdk/error";

describe("SlipwayError", () => {
  it("says what was found, what to do and where", () => {
    const cause = new Error("why");
    const error = new SlipwayError({ code: "LOCAL_PATH", text: "a: b.", hint: "Do c.", callSite: "/x.ts:1:2", cause });
    expect(error.message).toBe("a: b. Do c.\n    at /x.ts:1:2");
    expect([error.code, error.text, error.hint, error.callSite, error.cause, error.name]).toEqual([
      "LOCAL_PATH",
      "a: b.",
      "Do c.",
      "/x.ts:1:2",
      cause,
      "SlipwayError",
    ]);
  });

  it("is one that Pulumi prints without a stack", () => {
    expect(new SlipwayError({ code: "USAGE", text: "a." }).__pulumiRunError).toBe(true);
  });

  it("never shows credentials in a URL", () => {
    const error = new SlipwayError({ code: "USAGE", text: "https://u:p@h/x failed.", hint: "Not ssh://u:p@q@h." });
    expect(`${error.message} ${error.text}`).toBe("https://…@h/x failed. Not ssh://…@h. https://…@h/x failed.");
  });
});

describe("hideCredentials", () => {
  it.each(["https://host/a@1", "user@host", "git@github.com:a/b", "a://b c@d"])("leaves %s", (text) => {
    expect(hideCredentials(text)).toBe(text);
  });
});

describe("describeError", () => {
  it("joins the messages of the causes, each once", () => {
    const inner = new Error("refused");
    expect(describeError(new Error("cannot connect", { cause: inner }))).toBe("cannot connect: refused");
    expect(describeError(new Error("it was refused", { cause: inner }))).toBe("it was refused");
    expect(describeError(new Error("", { cause: new AggregateError([inner, new Error("x")]) }))).toBe("Error: refused");
    expect(describeError("text")).toBe("text");
  });
});
