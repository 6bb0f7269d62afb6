/** One instance: its facts, tools, spend and operations, and what may be done with it. */
import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { Empty, Loaded } from "../components/notes";
import { Status } from "../components/status";
import { Time } from "../components/time";
import { type Instance, instanceDetails } from "../fleet/queries";
import { OperationTable } from "../operations/operation_table";
import { operationsOfInstance } from "../operations/queries";
import { OperationTimeline } from "../operations/timeline";
import { link } from "../routing";
import type { ScreenProps } from "../routes";
import { session } from "../session";
import { useStore } from "../store";
import { InstanceActions } from "./actions";
import { type Change, ChangeNote } from "./change";
import { InstanceTools } from "./tools";

export default function InstanceScreen({ argument: instanceId }: ScreenProps) {
  const instance = useQuery(instanceDetails(instanceId));
  const [change, setChange] = useState<Change | null>(null);
  const mayWrite = useStore(session).services?.mayWrite ?? false;
  return (
    <>
      <a class="crumb" href={link("fleet")}>
        ← Fleet
      </a>
      <Loaded query={instance}>
        {(found) => (
          <>
            <div class="screen-head">
              <div>
                <h1 tabIndex={-1}>{instanceId}</h1>
                <p class="facts">
                  {found ? <Status value={found.deployStatus ?? "UNKNOWN"} /> : <Status value="not there" tone="idle" />}
                  {found?.url && (
                    <a href={found.url} rel="noreferrer" target="_blank">
                      {found.url.replace(/^https:\/\//, "")}
                    </a>
                  )}
                </p>
              </div>
              {found && mayWrite && <InstanceActions instance={found} onChange={setChange} />}
            </div>
            <ChangeNote change={change} />
            <RunningOperation instanceId={instanceId} isAwaited={change?.state === "sent"} />
            {found ? (
              <div class="columns">
                <Facts instance={found} />
                <InstanceTools instance={found} mayWrite={mayWrite} onChange={setChange} />
              </div>
            ) : (
              <Empty>There is no instance of this id, or none any more.</Empty>
            )}
          </>
        )}
      </Loaded>
      <Operations instanceId={instanceId} isAwaited={change?.state === "sent"} />
    </>
  );
}

function Facts({ instance }: { instance: Instance }) {
  const rows: [string, preact.ComponentChildren][] = [
    ["Created", <Time value={instance.createdAt} />],
    ["Updated", <Time value={instance.updatedAt} />],
    ["Image", instance.runtimeImage],
    ["Service", instance.serviceId],
    ["Volume", instance.volumeId],
    ["Environment", instance.environmentId],
    ["Project", instance.projectId],
  ];
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">Details</h2>
      <dl class="facts-list">
        {rows.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class={typeof value === "string" ? "mono" : ""}>{value ?? <span class="muted">none</span>}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function RunningOperation({ instanceId, isAwaited }: { instanceId: string; isAwaited: boolean }) {
  const query = useQuery(operationsOfInstance(instanceId, isAwaited));
  const running = query.data?.find((operation) => operation.status === "running");
  if (!running) return null;
  return (
    <section class="card" aria-labelledby="running">
      <h2 id="running">Running: {running.kind.replace("_", " ")}</h2>
      <OperationTimeline operationId={running.operationId} />
    </section>
  );
}

function Operations({ instanceId, isAwaited }: { instanceId: string; isAwaited: boolean }) {
  const query = useQuery(operationsOfInstance(instanceId, isAwaited));
  return (
    <section class="stack" aria-labelledby="operations">
      <h2 id="operations">Operations</h2>
      <Loaded query={query}>
        {(operations) =>
          operations.length > 0 ? (
            <OperationTable label="Operations of this instance" operations={operations} isOfOneInstance />
          ) : (
            <Empty>No operation is recorded.</Empty>
          )
        }
      </Loaded>
    </section>
  );
}
