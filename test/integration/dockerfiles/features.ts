import type { CorpusCase } from "./corpus";

/** What the Dockerfile language has, in files that use it. */
export const features: readonly CorpusCase[] = [
  {
    name: "ONBUILD of a stage and of a base, with files, variables and another stage",
    files: { "app/a.txt": "a", "trigger.txt": "t", "local.txt": "l" },
    dockerfile: `FROM alpine:3.19 AS tools
RUN mkdir -p /tools && echo tool > /tools/tool
FROM alpine:3.19 AS parent
ONBUILD COPY --from=tools /tools /tools
ONBUILD COPY local.txt /local.txt
ONBUILD RUN <<EOF
echo triggered > /triggered
EOF
FROM parent AS child
RUN cat /triggered /local.txt > /both
FROM acme/onbuild:1
COPY --from=child /both /both
COPY $APP_DIR /again
ONBUILD RUN echo kept for later
`,
  },
  {
    name: "stage names that repeat, in other case, and numbers",
    files: { a: "1", b: "2" },
    dockerfile: `FROM alpine:3.19 AS Part
COPY a /file
FROM part AS two
RUN echo two >> /file
FROM alpine:3.19 AS unused
COPY not-there /file
FROM alpine:3.19 AS part
COPY b /file
FROM part
COPY --from=PART /file /last
COPY --from=0 /file /first
COPY --from=two /file /two
`,
  },
  {
    name: "a target in the middle, beside stages that cannot be built",
    target: "Runtime",
    files: { a: "1" },
    dockerfile: `FROM alpine:3.19 AS build
ARG TARGETSTAGE
RUN echo "$TARGETSTAGE" > /stage
FROM no-such-image:9 AS test
COPY missing /
ADD https://example.com/x /x
FROM alpine:3.19 AS runtime
COPY --from=build /stage /stage
COPY a /a
CMD ["sh"]
FROM runtime AS debug
RUN --security=insecure false
`,
  },
  {
    name: "the escape directive, with back quotes and a Windows-like path",
    files: { "a b.txt": "x", "c$d.txt": "y" },
    dockerfile:
      '# escape=`\n# check=error=true\nFROM alpine:3.19\nENV A="x`"y" B=C:\\dir\nRUN echo one `\n  # between\n  two > /out\nCOPY ["a b.txt", "c`$d.txt", "/files/"]\nWORKDIR /w`\\x\nCMD ["sh"]\n',
  },
  {
    name: "CRLF everywhere, in here-documents too",
    files: { "a.txt": "a\r\n" },
    dockerfile:
      'FROM alpine:3.19\r\nENV A=1 \\\r\n  B=2\r\nCOPY <<EOF /x\r\nline\r\nEOF\r\nCOPY a.txt /a.txt\r\nRUN echo a && \\\r\n    echo b > /b\r\nCMD ["a"]\r\n',
  },
  {
    name: "a BOM, directives, and no line feed at the end",
    files: { a: "1" },
    dockerfile:
      "\uFEFF# syntax=docker/dockerfile:1.7\n# check=skip=all\nFROM alpine:3.19\nCOPY a /a\nRUN echo end > /end",
  },
  {
    name: "a last line that ends in a continuation",
    files: { a: "1" },
    dockerfile: "FROM alpine:3.19\nCOPY a /a\nRUN echo end > /end \\\n  # nothing follows\n",
  },
  {
    name: "ARGs before FROM, with defaults, alternatives, cuts and replacements",
    files: { "1/x": "1", "v2/y": "2", "conf-prod/z": "3" },
    buildArgs: { ENVIRONMENT: "prod", EMPTY: "" },
    dockerfile: `ARG VERSION=3.19.1
ARG IMAGE=alpine:\${VERSION%.*}
ARG EMPTY=full
ARG ENVIRONMENT
FROM \${IMAGE:-debian}
ARG VERSION
ARG ENVIRONMENT=dev
ARG EMPTY
ARG MAJOR=v2.7
ENV DIR=\${MAJOR%%.*} FALLBACK=\${EMPTY:-none} ALT=\${ENVIRONMENT:+yes} CUT=\${VERSION#3.} SWAP=\${VERSION//./-}
COPY \${UNSET:-1} /one/
COPY $DIR /two/
COPY conf-\${ENVIRONMENT} /conf
RUN env | grep -E '^(DIR|FALLBACK|ALT|CUT|SWAP|VERSION|ENVIRONMENT)=' | sort > /env
`,
  },
  {
    name: "wildcards, escapes, excludes and a pattern that matches nothing",
    files: {
      "a1.txt": "1",
      "a2.txt": "2",
      "b.md": "b",
      "d/x.js": "x",
      "d/x.test.js": "t",
      "d/e/y.test.js": "t",
      "[x].txt": "br",
    },
    dockerfile: `FROM alpine:3.19
COPY a?.txt /q/
COPY a[1-1].txt *.none /r/
COPY [[]x].txt /s/
COPY --exclude=**/*.test.js --exclude=e d /d
COPY --exclude=*.test.js d /e
ADD --exclude=*.md . /all/
`,
  },
  {
    name: "links: as sources, on the way to one, and inside of a folder",
    files: {
      "real/file": "r",
      "real/deep/x": "x",
      link: "-> real/file",
      folder: "-> real",
      "tree/relative": "-> ../real/file",
      "tree/absolute": "-> /etc/passwd",
      "tree/f": "f",
      up: "-> ../../real/deep",
    },
    dockerfile: `FROM alpine:3.19
COPY link /1
COPY folder /2
COPY folder/deep/x /3
COPY tree /4
COPY up /5/
`,
  },
  {
    name: "mounts of every kind that needs nothing from outside",
    files: { "src/a": "1", "scripts/run.sh*": "#!/bin/sh\necho ran > /ran\n", "src/dir/b": "2" },
    dockerfile: `FROM alpine:3.19 AS other
RUN mkdir /data && echo d > /data/d
FROM alpine:3.19
ARG WHERE=src
RUN --mount=type=bind,source=scripts,target=/scripts --mount=type=tmpfs,target=/scratch /scripts/run.sh
RUN --mount=type=bind,from=other,source=/data,target=/data,ro cp /data/d /d
RUN --mount=type=bind,from=debian:bookworm-slim,source=/etc,target=/etc2 cp /etc2/passwd /passwd
RUN --mount=src=$WHERE/a,dst=/a --mount="type=bind,source=src/dir,target=/b,rw" cat /a /b/b > /ab
RUN --mount=type=cache,id=corpus,target=/c,uid=0,mode=0700 true
RUN --network=none echo none > /none
`,
  },
  {
    name: "COPY with every flag",
    files: { "p/q/f": "f", "p/r/g*": "g", "s/t": "t" },
    dockerfile: `FROM alpine:3.19
COPY --link p /p
COPY --link --chmod=0700 --chown=1000:1000 s /s
COPY --parents p/q/f p/./r /parents/
COPY --parents=true --exclude=**/f p/**/* /more/
COPY --chmod=u=rwX,go=rX p /modes
COPY --chown=65534 <<A <<B /docs/
a
A
b $HOME
B
COPY ../s /up
COPY ./s/./t //t
ADD --link --chown=1:1 s/t /added
`,
  },
  {
    name: "a platform that is written out, and one by its automatic ARG",
    files: { "bin-amd64/x": "1" },
    dockerfile: `FROM --platform=linux/amd64 alpine:3.19 AS a
ARG TARGETPLATFORM
RUN echo $TARGETPLATFORM > /p
FROM --platform=$TARGETPLATFORM alpine:3.19
ARG TARGETARCH
COPY --from=a /p /p
COPY bin-\${TARGETARCH} /bin-here
`,
  },
  {
    name: "context above: a Dockerfile in a folder of its own",
    path: "docker/Dockerfile",
    files: { "app/x": "1", "docker/entry.sh*": "#!/bin/sh\n", secret: "no" },
    dockerfile: `FROM debian:bookworm-slim
COPY docker/entry.sh /entry.sh
COPY app/ /app/
ENTRYPOINT ["/entry.sh"]
`,
  },
  {
    name: "settings of every kind",
    files: {},
    dockerfile: `FROM ubuntu:22.04 AS only
LABEL a="b c" d=e \\
      f.g="h \\"i\\""
LABEL old form of it
VOLUME /v1 /v2
STOPSIGNAL 9
HEALTHCHECK NONE
SHELL ["/bin/sh", "-ec"]
RUN echo shell > /shell
EXPOSE 80 443/udp 8000-8002
USER 1000:1000
`,
  },
  {
    name: "a folder that is empty, and one that the ignore rules leave in by exception",
    files: {
      "empty/.keep": "",
      "logs/a.log": "no",
      "logs/keep.log": "yes",
      ".dockerignore": "**/.keep\nlogs\n!logs/keep.log\n# c\n",
    },
    dockerfile: `FROM alpine:3.19
COPY empty /empty
COPY logs /logs
COPY . /all
`,
  },
  {
    name: "an archive that a stage makes, and a file that ADD copies",
    files: { "a.txt": "a" },
    dockerfile: `FROM alpine:3.19 AS make
COPY a.txt /in/
RUN tar -C /in --sort=name --mtime=@0 --owner=0 --group=0 -cf /in.tar a.txt
FROM alpine:3.19
COPY --from=make /in.tar /x/in.tar
ADD a.txt /plain/
`,
  },
  {
    name: "here-documents of lines that go on and name an image",
    files: {},
    dockerfile: `FROM alpine:3.19
RUN --mount=from=node:20,target=/n \\
  cat > /one <<EOF
text
EOF
RUN --mount=from=node:20,target=/n \\
# between
  <<EOF
#!/bin/sh
echo $0 > /two
EOF
`,
  },
  {
    name: "ignore rules that are a link to .gitignore",
    files: { ".gitignore": "*.log\n", ".dockerignore": "-> .gitignore", "a.log": "1", "b.txt": "2" },
    dockerfile: "FROM alpine:3.19\nCOPY . /src\n",
  },
  {
    name: "ENV and ARG of one name, in a stage and in one that stands on it",
    files: { d1: "1", d2: "2" },
    dockerfile: "FROM alpine:3.19 AS a\nENV D=d1\nARG D=d2\nCOPY $D /x\nFROM a\nCOPY $D /y\n",
  },
  {
    name: "mounts by every name of their fields",
    files: { "d1/f": "1", "d2/f": "2" },
    dockerfile: `FROM alpine:3.19
RUN --mount=type=bind,source=d1,src=d2,dst=/m cat /m/f > /o
RUN --mount=type=bind,src=d1,destination=/m cat /m/f > /p
`,
  },
  {
    name: "the arguments that every build is given",
    files: { x0: "1", x5: "2" },
    dockerfile: "FROM alpine:3.19\nARG SOURCE_DATE_EPOCH=5\nCOPY x$SOURCE_DATE_EPOCH /x\n",
  },
];
