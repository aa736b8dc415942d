// Reads the results of a run and prints them as a Markdown table: node table.mjs FOLDER
// Files are named ENGINE.WORK.ROUND.json, the peer's with engine `peer`. Medians over the rounds.
import { readFileSync, readdirSync } from 'node:fs';

const folder = process.argv[2];
const runs = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
  const [engine, work] = file.split('.');
  for (const result of JSON.parse(readFileSync(`${folder}/${file}`))) {
    if (result.mode === 'probe' || result.mode === 'seed') continue;
    if (!runs.has(work)) runs.set(work, new Map());
    if (!runs.get(work).has(engine)) runs.get(work).set(engine, []);
    runs.get(work).get(engine).push(result);
  }
}

const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
const of = (results, pick) => median(results.map(pick));
const latency = (result, part) => (result.latency[result.mode] ?? {})[part] ?? NaN;
const failures = (results) => results.reduce((sum, one) => sum +
  Object.entries(one.counts).filter(([name]) => name.startsWith('error')).reduce((n, [, count]) => n + count, 0), 0);

// How many times cheaper than the peer each work is meant to be.
const goals = { start: 4, poll: 10, 'flow-ES256': 3, 'flow-RS256': 2, 'start-assertion': 4, 'poll-assertion': 4 };
const against = (work, ratio) => !goals[work] || !Number.isFinite(ratio) ? '' : ` (goal ${goals[work]}: ${ratio >= goals[work] ? 'met' : 'missed'})`;

console.log('| work | server | CPU µs an operation | peer / ours | p50 ms | p99 ms | operations/s | MiB | failures |');
console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const [work, engines] of runs) {
  const peer = engines.get('peer');
  for (const [engine, results] of engines) {
    if (results[0].mode === 'fill') {
      console.log(`| ${work} (${results[0].created} pending) | ${engine} | | | | | | `
        + `${of(results, (one) => one.rss_before_mib).toFixed(0)} → ${of(results, (one) => one.rss_after_mib).toFixed(0)} | ${failures(results)} |`);
      continue;
    }
    if (results[0].mode === 'wait') {
      const [one] = results;
      console.log(`| ${work} (${one.waiters} polls wait on ${one.connections} HTTP/2 connections) | ${engine} | | | ${one.wake_p50_ms.toFixed(2)} | `
        + `${one.wake_p99_ms.toFixed(2)} | | ${one.rss_before_mib.toFixed(0)} → ${one.rss_waiting_mib.toFixed(0)} | ${one.errors} |`);
      continue;
    }
    if (results[0].mode === 'streams') {
      const [one] = results;
      console.log(`| ${work} (${one.devices} devices listen on ${one.connections} HTTP/2 connections) | ${engine} | | | ${one.told_p50_ms.toFixed(2)} | `
        + `${one.told_p99_ms.toFixed(2)} | | ${one.rss_before_mib.toFixed(0)} → ${one.rss_listening_mib.toFixed(0)} | ${one.asked - one.told + one.streams_ended} |`);
      continue;
    }
    if (results[0].mode === 'idle') {
      console.log(`| ${work} | ${engine} | | | | | | ${results[0].rss_mib.toFixed(0)} | |`);
      continue;
    }
    const cpu = of(results, (one) => one.server_cpu_us_per_op);
    const times = peer ? of(peer, (one) => one.server_cpu_us_per_op) / cpu : NaN;
    const ratio = peer && engine !== 'peer' ? times.toFixed(1) + against(work, times) : '';
    console.log(`| ${work} | ${engine} | ${cpu.toFixed(0)} | ${ratio} | ${of(results, (one) => latency(one, 'p50_ms')).toFixed(2)} | `
      + `${of(results, (one) => latency(one, 'p99_ms')).toFixed(2)} | ${of(results, (one) => one.ops_per_s).toFixed(0)} | `
      + `${of(results, (one) => one.server_rss_mib).toFixed(0)} | ${failures(results)} |`);
  }
}
for (const [work, engines] of runs) {
  for (const [engine, results] of engines) {
    const counts = results.map((one) => JSON.stringify(one.counts)).join(' ');
    console.error(`${work} ${engine}: ${counts}`);
  }
}
