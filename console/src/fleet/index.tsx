export default function FleetScreen() {
  return <h1 tabIndex={-1}>Fleet</h1>;
}
