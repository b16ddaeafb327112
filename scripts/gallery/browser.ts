import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

interface ShotOptions {
  /** Width of the page in CSS pixels. */
  width: number;
  /** Device pixels for one of CSS. Default 1. */
  scale?: number;
  dark?: boolean;
}

/** A headless Chromium that draws HTML. */
export interface Browser {
  /** The whole page as a PNG. */
  shoot(html: string, options: ShotOptions): Promise<Buffer>;
  close(): Promise<void>;
}

const switches = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];

/** Starts the Chromium of the system (CHROMIUM names another program) with a profile of its own. */
export async function startBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "jitsudo-gallery-"));
  const child = spawn(process.env.CHROMIUM ?? "chromium", [...switches, `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  const connection = await connect(await debuggingUrl(child.stderr));
  const { targetId } = await connection.call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await connection.call("Target.attachToTarget", { targetId, flatten: true });
  const call = (method: string, params: object = {}) => connection.call(method, params, String(sessionId));
  const { frameTree } = await call("Page.getFrameTree");
  const { frame } = frameTree as { frame: { id: string } };

  return {
    async shoot(html, { width, scale = 1, dark = false }) {
      const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
      await call("Emulation.setEmulatedMedia", { features });
      // A height of one, so that the page's own is measured.
      const metrics = { width, height: 1, deviceScaleFactor: scale, mobile: false };
      await call("Emulation.setDeviceMetricsOverride", metrics);
      await call("Page.setDocumentContent", { frameId: frame.id, html });
      await call("Runtime.evaluate", { expression: "document.fonts.ready", awaitPromise: true });
      const { cssContentSize } = await call("Page.getLayoutMetrics");
      const { height } = cssContentSize as { height: number };
      const clip = { x: 0, y: 0, width, height, scale: 1 };
      const { data } = await call("Page.captureScreenshot", { clip, captureBeyondViewport: true });
      return Buffer.from(String(data), "base64");
    },
    async close() {
      child.kill();
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function debuggingUrl(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(stderr)) {
    const url = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error("Chromium ended before it listened");
}

type Result = Record<string, unknown>;

/** Calls of the Chrome DevTools protocol, whose answers come in any order. */
async function connect(url: string) {
  const socket = new WebSocket(url);
  await once(socket, "open");
  const waiting = new Map<number, PromiseWithResolvers<Result>>();
  let lastId = 0;

  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(String(data));
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  });

  return {
    call(method: string, params: object, sessionId?: string): Promise<Result> {
      const id = ++lastId;
      const call = Promise.withResolvers<Result>();
      waiting.set(id, call);
      socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }));
      return call.promise;
    },
  };
}
