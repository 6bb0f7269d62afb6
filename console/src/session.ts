/** Who is signed in. Credentials are kept in this tab's session storage only: closing the tab forgets them. */
import { createStore } from "./store";

export interface ServicesCredential {
  key: string;
  /** Whether the key may change something, as the API said when it was checked. */
  mayWrite: boolean;
}

/** What a request to the Agent API brings; which of the two it needs depends on the deployment's AGENT_AUTH. */
export interface AgentCredential {
  bearer: string;
  userId: string;
}

export interface Session {
  services: ServicesCredential | null;
  agent: AgentCredential | null;
  /** Why the last session ended, in words. */
  ended: string | null;
}

const STORAGE_KEY = "pointsman.session";
const SIGNED_OUT: Session = { services: null, agent: null, ended: null };

export const session = createStore<Session>(read());

export function signIn(part: Partial<Pick<Session, "services" | "agent">>): void {
  const next = { ...session.get(), ...part, ended: null };
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ services: next.services, agent: next.agent }));
  session.set(next);
}

/** Forget one credential that the API does not accept any more. */
export function dropCredential(which: "services" | "agent", reason: string): void {
  if (session.get()[which] === null) return;
  signIn({ [which]: null });
  session.set({ ...session.get(), ended: reason });
}

export function signOut(): void {
  sessionStorage.removeItem(STORAGE_KEY);
  session.set(SIGNED_OUT);
}

function read(): Session {
  try {
    return { ...SIGNED_OUT, ...JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "{}") };
  } catch {
    return SIGNED_OUT;
  }
}
