/** The totals by status over time: a line for each status, in a scale of its own, since few that crash matter beside many that run. */
import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import type { Schemas } from "../api/client";
import { Empty, Loaded } from "../components/notes";
import { Status, toneOf } from "../components/status";
import { fleetHistory } from "./queries";

type History = Schemas["FleetHistory"];

const RANGES = [
  { days: 1, name: "Day" },
  { days: 7, name: "Week" },
  { days: 30, name: "30 days" },
  { days: 90, name: "90 days" },
];

const WIDTH = 1_000;
const HEIGHT = 40;
/** Room for the line's own width at the edges. */
const MARGIN = 4;

export function FleetHistory() {
  const [days, setDays] = useState(1);
  const query = useQuery(fleetHistory(days));
  return (
    <section class="card history" aria-labelledby="history">
      <div class="history-head">
        <h2 id="history">Totals over time</h2>
        <div class="actions" role="group" aria-label="Time">
          {RANGES.map((range) => (
            <button key={range.days} type="button" aria-pressed={days === range.days} onClick={() => setDays(range.days)}>
              {range.name}
            </button>
          ))}
        </div>
      </div>
      <Loaded query={query}>
        {(history) => (history.points.length === 0 ? <Empty>Nothing was recorded in this time yet.</Empty> : <Chart history={history} />)}
      </Loaded>
    </section>
  );
}

function Chart({ history }: { history: History }) {
  const [shown, setShown] = useState<number | null>(null);
  const { points } = history;
  const times = points.map((point) => Date.parse(point.at));
  const counts = points.map((point) => new Map(point.totals.map((total) => [total.status, total.count])));
  const statuses = listStatuses(history);
  const from = Date.parse(history.from);
  const xOf = (time: number) => ((time - from) / (Date.parse(history.to) - from)) * WIDTH;
  const index = shown ?? points.length - 1;
  const show = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    setShown(findNearest(times.map(xOf), x));
  };
  return (
    <>
      <ul class="series" aria-label="Statuses" onPointerLeave={() => setShown(null)}>
        {statuses.map((status) => {
          const values = counts.map((count) => count.get(status) ?? 0);
          const [least, most] = [Math.min(...values), Math.max(...values)];
          return (
            <li key={status}>
              <Status value={status} />
              <svg
                role="img"
                aria-label={`${status}: ${least} to ${most}, at last ${values.at(-1)}`}
                viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
                preserveAspectRatio="none"
                class={toneOf(status)}
                onPointerMove={show}
              >
                <path d={drawLine(times, values, history.stepSeconds * 1_000, xOf)} />
                {shown !== null && <line x1={xOf(times[index] ?? 0)} x2={xOf(times[index] ?? 0)} y1={0} y2={HEIGHT} />}
              </svg>
              <span class="number">{(values[index] ?? 0).toLocaleString()}</span>
            </li>
          );
        })}
      </ul>
      <p class="axis" aria-hidden="true">
        <span>{formatTime(history.from)}</span>
        <span>{shown === null ? "" : formatTime(points[index]?.at ?? "")}</span>
        <span>{formatTime(history.to)}</span>
      </p>
      <HistoryTable history={history} statuses={statuses} />
    </>
  );
}

/** The same numbers for who cannot see or point at the lines. */
function HistoryTable({ history, statuses }: { history: History; statuses: string[] }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        <div class="table-frame short" role="region" aria-label="Totals over time as a table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {statuses.map((status) => (
                  <th key={status} scope="col">
                    {status.toLowerCase()}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...history.points].reverse().map((point) => (
                <tr key={point.at}>
                  <th scope="row">
                    <time dateTime={point.at}>{formatTime(point.at)}</time>
                  </th>
                  {statuses.map((status) => (
                    <td key={status} class="number">
                      {point.totals.find((total) => total.status === status)?.count ?? 0}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** All statuses of the time, those that the most instances had at once first. */
function listStatuses(history: History): string[] {
  const most = new Map<string, number>();
  for (const { status, count } of history.points.flatMap((point) => point.totals)) {
    most.set(status, Math.max(most.get(status) ?? 0, count));
  }
  return [...most].sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || a.localeCompare(b)).map(([status]) => status);
}

/** A line through the values, interrupted where nothing was recorded for two steps. Its bottom is 0. */
function drawLine(times: number[], values: number[], step: number, xOf: (time: number) => number): string {
  const most = Math.max(1, ...values);
  let previous = Number.NEGATIVE_INFINITY;
  return times
    .map((time, index) => {
      const x = xOf(time).toFixed(1);
      const y = (HEIGHT - MARGIN - ((values[index] ?? 0) / most) * (HEIGHT - 2 * MARGIN)).toFixed(1);
      const isGap = time - previous > 2 * step;
      previous = time;
      // A line of no length, so that a point between two gaps shows, too.
      return isGap ? `M${x} ${y}L${x} ${y}` : `L${x} ${y}`;
    })
    .join("");
}

function findNearest(places: number[], x: number): number {
  let nearest = 0;
  places.forEach((place, index) => {
    if (Math.abs(place - x) < Math.abs((places[nearest] ?? 0) - x)) nearest = index;
  });
  return nearest;
}

function formatTime(text: string): string {
  return new Date(text).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}
