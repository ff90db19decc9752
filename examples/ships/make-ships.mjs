// Writes a list of ships to try the example at its real size: node make-ships.mjs 1000 > thousand.json
const [count = "1000"] = process.argv.slice(2);
const ships = Array.from({ length: Number(count) }, (_, index) => {
  const number = String(index).padStart(4, "0");
  return { imo: String(9_100_000 + index), name: `Ship ${number}`, domains: [`ship${number}.example`] };
});
process.stdout.write(`${JSON.stringify(ships, null, 1)}\n`);
