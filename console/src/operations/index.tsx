export default function OperationsScreen() {
  return <h1 tabIndex={-1}>Operations</h1>;
}
