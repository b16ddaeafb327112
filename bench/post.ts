import { type Dispatcher, Pool } from "undici";

/** Posts to the sink, in the leanest way that undici has, for the limit and for the workers of all libraries. */
export interface Poster {
  /** Rejects unless the sink answers 200. */
  post(path: string, body: string): Promise<void>;
  close(): Promise<void>;
}

export function createPoster(origin: string, connections: number): Poster {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const headers = ["content-type", "application/json"];
  return {
    post: (path, body) =>
      new Promise((resolve, reject) => {
        pool.dispatch({ path, method: "POST", headers, body }, handler(resolve, reject));
      }),
    close: () => pool.close(),
  };
}

function handler(resolve: () => void, reject: (error: Error) => void): Dispatcher.DispatchHandler {
  let status = 0;
  return {
    onRequestStart() {},
    onResponseStart(_controller, statusCode) {
      status = statusCode;
    },
    onResponseData() {},
    onResponseEnd() {
      if (status === 200) resolve();
      else reject(new Error(`the sink answered ${status}`));
    },
    onResponseError(_controller, error) {
      reject(error);
    },
  };
}
