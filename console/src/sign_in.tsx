/** Signing in with what the APIs take anyway. A credential is checked before it is kept. */
import { useState } from "preact/hooks";

import { agentHeaders, api } from "./api/client";
import { ApiError, readError } from "./api/errors";
import { Field } from "./components/field";
import { ErrorNote } from "./components/notes";
import { session, signIn } from "./session";
import { useStore } from "./store";

export function SignIn({ needs }: { needs: "services" | "agent" }) {
  const { ended } = useStore(session);
  const forms = { services: <ServicesForm />, agent: <AgentForm /> };
  return (
    <div class="sign-in">
      <h1 tabIndex={-1}>Sign in</h1>
      {ended && (
        <p class="note warning" role="status">
          {ended}
        </p>
      )}
      {forms[needs]}
      <p class="muted">
        Credentials stay in this tab and are gone when you close it or sign out. Nothing is sent to any other host.
      </p>
    </div>
  );
}

function ServicesForm() {
  const [key, setKey] = useState("");
  const check = useCheck(async () => signIn({ services: { key: key.trim(), mayWrite: await checkServicesKey(key.trim()) } }));
  return (
    <form class="card" onSubmit={check.submit}>
      <h2>The fleet</h2>
      <p>Operations, instances and health need a key of the Services API. With a read-only key you see everything and change nothing.</p>
      <Field label="Services key">
        {(id) => (
          <input id={id} type="password" autoComplete="off" required value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        )}
      </Field>
      <ErrorNote error={check.error} />
      <button type="submit" class="primary" disabled={check.isPending}>
        {check.isPending ? "Checking…" : "Sign in"}
      </button>
    </form>
  );
}

function AgentForm() {
  const [bearer, setBearer] = useState("");
  const [userId, setUserId] = useState("");
  const check = useCheck(async () => {
    const agent = { bearer: bearer.trim(), userId: userId.trim() };
    if (!agent.bearer && !agent.userId) throw new Error("Give a token, a key or a user id.");
    await checkAgentCredential(agent);
    signIn({ agent });
  });
  return (
    <form class="card" onSubmit={check.submit}>
      <h2>Prompts and approvals</h2>
      <p>These need a credential of the Agent API: a token, or a key with a user id; on your own machine a user id alone.</p>
      <Field label="Token or key" hint="Empty where AGENT_AUTH is header">
        {(id) => (
          <input id={id} type="password" autoComplete="off" value={bearer} onInput={(event) => setBearer(event.currentTarget.value)} />
        )}
      </Field>
      <Field label="User id" hint="Empty with a token of your identity provider">
        {(id) => <input id={id} autoComplete="off" value={userId} onInput={(event) => setUserId(event.currentTarget.value)} />}
      </Field>
      <ErrorNote error={check.error} />
      <button type="submit" class="primary" disabled={check.isPending}>
        {check.isPending ? "Checking…" : "Sign in"}
      </button>
    </form>
  );
}

function useCheck(run: () => Promise<void>) {
  const [isPending, setIsPending] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setIsPending(true);
    setError(null);
    try {
      await run();
    } catch (caught) {
      setError(caught instanceof Error ? caught : new Error(String(caught)));
    } finally {
      setIsPending(false);
    }
  };
  return { isPending, error, submit };
}

/** Check a key; return whether it may change something. A request that is always refused tells the two kinds apart. */
async function checkServicesKey(key: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${key}` };
  const { response, error } = await reach(api.GET("/registry", { headers }));
  if (response.status === 401) throw new Error("This Services key is wrong.");
  if (!response.ok) throw readError(error, response);
  // Without `enabled` it is 400 for a key that may write, and 403 before that for one that may not. It changes nothing.
  const probe = await reach(api.PUT("/maintenance", { headers, body: {} as never }));
  if (probe.response.status === 400) return true;
  if (probe.response.status === 403) return false;
  throw readError(probe.error, probe.response);
}

async function checkAgentCredential(agent: { bearer: string; userId: string }): Promise<void> {
  const { response, error } = await reach(api.GET("/api/capabilities", { headers: agentHeaders(agent) }));
  if (response.ok) return;
  const reason = readError(error, response);
  throw response.status === 401 ? new Error(`This credential is wrong. ${reason.message}`) : reason;
}

async function reach<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch {
    throw new ApiError("The API cannot be reached", 0, "UNREACHABLE");
  }
}
