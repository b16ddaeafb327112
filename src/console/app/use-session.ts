import { useCallback, useState } from "react";
import type { ApiKey } from "../../../gen/jitsudo/notifications/v1/api_key_pb.js";
import { type Clients, createClients } from "../api/clients.ts";
import type { Failure } from "../api/failure.ts";
import { type Session, storedSession, storeSession } from "../api/session.ts";
import { useLoad } from "../api/use-load.ts";

/** Who uses the console. */
export type SessionState =
  | { state: "signed_out"; message: string; signIn(session: Session): Promise<void> }
  | { state: "checking" }
  | { state: "failed"; failure: Failure; retry(): void; signOut(): void }
  | { state: "signed_in"; clients: Clients; ownKey: ApiKey; signOut(): void };

const refused = "The key is not valid any more: it was revoked or has expired.";

/** A session that the tab still holds is checked before it is used. */
export function useSession(): SessionState {
  const [session, setSession] = useState(storedSession);
  const [message, setMessage] = useState("");
  const leave = useCallback((why: string) => {
    storeSession(undefined);
    setSession(undefined);
    setMessage(why);
  }, []);
  const [clients, setClients] = useState(() => session && createClients(session, () => leave(refused)));
  const own = useLoad(session?.apiKey ?? "", async (signal) => clients?.keys.getOwnApiKey({}, { signal }));

  if (!session || !clients) {
    return {
      state: "signed_out",
      message,
      async signIn(next) {
        // With a session of its own, so that a refused key is told at the form.
        await createClients(next, () => undefined).keys.getOwnApiKey({});
        storeSession(next);
        setMessage("");
        setClients(() => createClients(next, () => leave(refused)));
        setSession(next);
      },
    };
  }
  const signOut = () => leave("");
  if (own.value) return { state: "signed_in", clients, ownKey: own.value, signOut };
  if (own.failure) return { state: "failed", failure: own.failure, retry: own.reload, signOut };
  return { state: "checking" };
}
