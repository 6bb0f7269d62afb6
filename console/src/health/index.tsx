/** Whether the APIs answer, the maintenance switch, what the account has left, and who changed what of late. */
import { queryOptions, useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { AGENT_PREFIX, api, type Schemas, unwrap } from "../api/client";
import { every, queryClient } from "../api/query_client";
import { ConfirmDialog } from "../components/confirm_dialog";
import { Field } from "../components/field";
import { formatUsd } from "../components/money";
import { Empty, Loaded } from "../components/notes";
import { Status } from "../components/status";
import { Time } from "../components/time";
import { spend } from "../fleet/queries";
import { link } from "../routing";
import { session } from "../session";
import { useStore } from "../store";
import { Providers, Schedules, Versions } from "./details";

const INTERVAL_MS = 5_000;

const healthz = queryOptions({
  queryKey: ["healthz"],
  queryFn: ({ signal }) => unwrap(api.GET("/healthz", { signal })),
  refetchInterval: every(INTERVAL_MS),
});

const maintenance = queryOptions({
  queryKey: ["maintenance"],
  queryFn: ({ signal }) => unwrap(api.GET("/maintenance", { signal })),
  refetchInterval: every(INTERVAL_MS),
});

const newestAudit = queryOptions({
  queryKey: ["audit"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/audit", { params: { query: { limit: 20 } }, signal }))).entries,
  refetchInterval: every(INTERVAL_MS),
});

export default function HealthScreen() {
  return (
    <>
      <h1 tabIndex={-1}>Health</h1>
      <div class="columns">
        <div class="stack">
          <Parts />
          <Schedules />
          <Providers />
        </div>
        <div class="stack">
          <MaintenanceSwitch />
          <Versions />
          <Links />
          <Audit />
        </div>
      </div>
    </>
  );
}

function Parts() {
  const functions = useQuery(healthz);
  const database = useQuery(maintenance);
  const credits = useQuery(spend());
  const account = credits.data?.credits;
  return (
    <section class="card" aria-labelledby="parts">
      <h2 id="parts">What answers</h2>
      <ul class="lines">
        <Part name="Services API" query={functions} />
        <Part name="Database" query={database} />
        <li>
          OpenRouter account
          <span class="end">
            {account ? (
              <span class="number">
                {formatUsd(account.remaining)} left of {formatUsd(account.total)}
              </span>
            ) : (
              <Status value={credits.data === null ? "cannot be read" : "asking"} tone={credits.data === null ? "warn" : "idle"} />
            )}
          </span>
        </li>
      </ul>
    </section>
  );
}

function Part({ name, query }: { name: string; query: { error: Error | null; isSuccess: boolean } }) {
  return (
    <li>
      {name}
      <span class="end">
        {query.error ? (
          <Status value="does not answer" tone="bad" />
        ) : (
          <Status value={query.isSuccess ? "answers" : "asking"} tone={query.isSuccess ? "good" : "idle"} />
        )}
      </span>
    </li>
  );
}

function MaintenanceSwitch() {
  const query = useQuery(maintenance);
  const mayWrite = useStore(session).services?.mayWrite ?? false;
  const [isAsking, setIsAsking] = useState(false);
  const [message, setMessage] = useState("");
  const change = async (enabled: boolean) => {
    queryClient.setQueryData(
      maintenance.queryKey,
      await unwrap(api.PUT("/maintenance", { body: { enabled, message: (enabled && message.trim()) || null } })),
    );
    await queryClient.invalidateQueries({ queryKey: newestAudit.queryKey });
  };
  return (
    <section class="card" aria-labelledby="maintenance">
      <h2 id="maintenance">Maintenance</h2>
      <Loaded query={query}>
        {(state) => (
          <>
            <p class="facts">
              {state.enabled ? <Status value="on: nothing new starts" tone="warn" /> : <Status value="off" tone="good" />}
              {state.changedAt && (
                <span class="muted">
                  changed <Time value={state.changedAt} /> by {state.changedBy}
                </span>
              )}
            </p>
            {state.message && <p>“{state.message}”</p>}
            {mayWrite && (
              <div class="actions">
                <button type="button" onClick={() => setIsAsking(true)}>
                  {state.enabled ? "Switch off…" : "Switch on…"}
                </button>
              </div>
            )}
            {isAsking && (
              <ConfirmDialog
                title={state.enabled ? "End maintenance" : "Begin maintenance"}
                confirmLabel={state.enabled ? "Switch off" : "Switch on"}
                onConfirm={() => change(!state.enabled)}
                onClose={() => setIsAsking(false)}
              >
                {state.enabled ? (
                  <p>New prompts and new instances are accepted again.</p>
                ) : (
                  <>
                    <p>New prompts and new instances are refused for everybody. What runs goes on, and destroying stays possible.</p>
                    <Field label="Message to callers" hint="Optional, at most 500 characters">
                      {(id) => (
                        <input id={id} maxLength={500} value={message} onInput={(event) => setMessage(event.currentTarget.value)} />
                      )}
                    </Field>
                  </>
                )}
              </ConfirmDialog>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Links() {
  return (
    <section class="card" aria-labelledby="links">
      <h2 id="links">The APIs</h2>
      <ul class="lines">
        <li>
          <a href={`${AGENT_PREFIX}/docs`}>Documentation of both APIs, to try them out</a>
        </li>
        <li>
          <a href={`${AGENT_PREFIX}/openapi.json`}>OpenAPI document of both APIs</a>
        </li>
      </ul>
    </section>
  );
}

function Audit() {
  const query = useQuery(newestAudit);
  return (
    <section class="card" aria-labelledby="audit">
      <h2 id="audit">Newest changes</h2>
      <Loaded query={query}>
        {(entries) =>
          entries.length === 0 ? (
            <Empty>Nothing was changed yet.</Empty>
          ) : (
            <ul class="lines">
              {entries.map((entry) => (
                <li key={entry.id}>
                  <span>{entry.action}</span>
                  <AuditTarget target={entry.target} />
                  <Status value={entry.outcome} />
                  <span class="end">
                    {entry.actor.id} · <Time value={entry.at} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function AuditTarget({ target }: { target: Schemas["AuditTarget"] }) {
  if (target.kind === "instance") return <a href={link("instances", target.id)}>{target.id}</a>;
  return <span class="muted mono">{target.id}</span>;
}
