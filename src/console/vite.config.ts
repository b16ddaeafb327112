import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const outDir = join(import.meta.dirname, "../../dist/console");

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  publicDir: "public",
  resolve: {
    alias: {
      "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js": join(
        import.meta.dirname,
        "api/validate-proto.ts",
      ),
    },
  },
  oxc: { jsx: { runtime: "automatic" } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2023",
    // A data: URL would need a weaker policy for no gain.
    assetsInlineLimit: 0,
    // The service serves the one file it names; no old browser needs help to load it.
    modulePreload: false,
  },
  plugins: [compress()],
});

/** Writes the compressed forms beside the files, so that the service need not compress. */
function compress(): Plugin {
  return {
    name: "compress",
    closeBundle() {
      for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const path = join(outDir, name);
        const content = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(content));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
