/** What the stack knows of itself: its schedules' last runs, the providers' failures of late, and versions. */
import { queryOptions, useQuery } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { every } from "../api/query_client";
import { Loaded } from "../components/notes";
import { Status } from "../components/status";
import { formatDuration, Time } from "../components/time";
import { link } from "../routing";

const INTERVAL_MS = 10_000;

const details = queryOptions({
  queryKey: ["health-details"],
  queryFn: ({ signal }) => unwrap(api.GET("/health/details", { signal })),
  refetchInterval: every(INTERVAL_MS),
});

export function Schedules() {
  const query = useQuery(details);
  return (
    <section class="card" aria-labelledby="schedules">
      <h2 id="schedules">Schedules</h2>
      <Loaded query={query}>
        {({ schedules }) => (
          <ul class="lines">
            {schedules.map((schedule) => (
              <ScheduleLine key={schedule.name} schedule={schedule} />
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

function ScheduleLine({ schedule }: { schedule: Schemas["ScheduleState"] }) {
  const { startedAt, endedAt } = schedule;
  return (
    <li>
      <span>
        {schedule.name.replace("_", " ")} <span class="muted">every {formatInterval(schedule.everySeconds)}</span>
      </span>
      {schedule.outcome && <Status value={schedule.outcome} tone={schedule.outcome === "failed" ? "bad" : undefined} />}
      {schedule.isOverdue && <Status value="overdue" tone="bad" />}
      <span class="end">
        {startedAt ? <Time value={startedAt} /> : "never ran"}
        {startedAt && endedAt && `, took ${formatDuration(Date.parse(endedAt) - Date.parse(startedAt))}`}
      </span>
      {schedule.error && <p class="reason">{schedule.error}</p>}
      {schedule.outcome !== "succeeded" && schedule.succeededAt && (
        <p class="reason">
          Succeeded last <Time value={schedule.succeededAt} />
        </p>
      )}
    </li>
  );
}

export function Providers() {
  const query = useQuery(details);
  return (
    <section class="card" aria-labelledby="providers">
      <h2 id="providers">Providers</h2>
      <Loaded query={query}>
        {({ providers, hours }) => (
          <>
            <p class="muted">Steps of operations that called them in the last {hours} hours</p>
            <ul class="lines">
              {providers.map((provider) => (
                <ProviderLine key={provider.provider} provider={provider} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </section>
  );
}

function ProviderLine({ provider }: { provider: Schemas["ProviderState"] }) {
  const { steps, failed, lastFailure } = provider;
  return (
    <li>
      <span>{provider.provider}</span>
      {steps > 0 && <Status value={failed ? `${formatPercent(failed / steps)} failed` : "none failed"} tone={failed ? "bad" : "good"} />}
      <span class="end number">{steps === 0 ? "not called" : `${failed} of ${steps} failed`}</span>
      {lastFailure && (
        <p class="reason">
          <a href={link("operations", lastFailure.operationId)}>{lastFailure.step}</a> <Time value={lastFailure.at} />: {lastFailure.error}
        </p>
      )}
    </li>
  );
}

export function Versions() {
  const query = useQuery(details);
  return (
    <section class="card" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      <Loaded query={query}>
        {({ versions }) => (
          <dl class="facts-list">
            <dt>Bundle</dt>
            <dd>{versions.bundle}</dd>
            <dt>Schema</dt>
            <dd>{versions.schema ?? "none"}</dd>
            <dt>Python</dt>
            <dd>{versions.python}</dd>
          </dl>
        )}
      </Loaded>
    </section>
  );
}

function formatInterval(seconds: number): string {
  return seconds >= 3_600 ? `${seconds / 3_600} h` : `${seconds / 60} min`;
}

/** A share as a percentage; what is not nothing never shows as nothing. */
function formatPercent(share: number): string {
  return share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;
}
