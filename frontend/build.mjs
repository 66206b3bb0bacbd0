// Builds static/build: scripts by esbuild, the style sheet by Tailwind, fonts beside it.
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static", "build");
const watch = process.argv.includes("--watch");
const fonts = ["inter", "jetbrains-mono"];
// The upright faces by script; a browser fetches only the ones a page has characters of.
const wantedFont = /-wght-normal\.woff2$/;

const modules = {
  entryPoints: {
    ...Object.fromEntries(
      ["app", "flow", "run", "editor/editor"].map((name) => [
        basename(name),
        join(here, "src", `${name}.ts`),
      ]),
    ),
    // The canvas alone: no page of ours asks for it, tests and benchmarks/editor.py do.
    "canvas-bench": join(here, "src", "editor", "canvas", "bench.ts"),
  },
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  chunkNames: "chunks/[name]-[hash]",
  minify: !watch,
  sourcemap: "linked",
  legalComments: "linked",
  logLevel: "warning",
};
// Runs before the first paint, so it is no module: modules are deferred.
const theme = {
  ...modules,
  entryPoints: [join(here, "src", "theme.ts")],
  splitting: false,
  format: "iife",
};

async function copyFonts() {
  const target = join(out, "files");
  await mkdir(target, { recursive: true });
  for (const font of fonts) {
    const source = join(here, "node_modules", "@fontsource-variable", font, "files");
    for (const file of await readdir(source)) {
      if (wantedFont.test(file)) await cp(join(source, file), join(target, file));
    }
  }
}

function buildStyles() {
  const cli = join(here, "node_modules", "@tailwindcss", "cli", "dist", "index.mjs");
  const args = [cli, "-i", join(here, "css", "app.css"), "-o", join(out, "app.css")];
  args.push(watch ? "--watch" : "--minify");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: here, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (piece) => (watch ? process.stderr.write(piece) : (said += piece)));
    }
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`The style sheet was not built.\n${said}`)),
    );
  });
}

if (watch) {
  await copyFonts();
  for (const options of [modules, theme]) await (await esbuild.context(options)).watch();
  await buildStyles();
} else {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await Promise.all([copyFonts(), esbuild.build(modules), esbuild.build(theme), buildStyles()]);
}
