/* A layered layout of a cell: columns from left to right, slots above one another in each.

Nodes have columns of their own and labels of edges columns between them; an edge has a slot in
every column that it passes, so that what runs level through a column meets nothing there. */

const STARTS = 6, SWEEPS = 8, SETTLING = 32;

/* graph: ranks per node, edges [source, target, live], labelled per edge. */
function arrange({ ranks, edges, labelled }) {
  const stops = labelColumns(ranks, edges, labelled);
  const used = [...new Set([...ranks.map(rank => 2 * rank), ...stops.filter(stop => stop >= 0)])]
    .sort((a, b) => a - b);
  const columnOf = new Map(used.map((stop, number) => [stop, number]));
  const columns = used.map(() => []);
  const home = ranks.map((rank, node) => {
    columns[columnOf.get(2 * rank)].push(node);
    return columnOf.get(2 * rank);
  });
  const routes = edges.map(([source, target]) => {
    const route = [source];
    for (let column = home[source] + 1; column < home[target]; column++) {
      route.push(home.length);
      columns[column].push(home.length);
      home.push(column);
    }
    return [...route, target];
  });
  const heights = settle(untangle(columns, routes, home), routes, home, ranks.length);
  const place = item => ({ column: home[item], height: heights[item] });
  return {
    columns: columns.length,
    nodes: ranks.map((_, node) => place(node)),
    routes: routes.map(route => route.map(place)),
    labels: edges.map(([source], edge) =>
      stops[edge] < 0 ? -1 : columnOf.get(stops[edge]) - home[source]),
    slots: Math.max(...heights),
  };
}

/* Per edge the column of its label, between ranks r and r + 1: 2 r + 1; the emptiest it can. */
function labelColumns(ranks, edges, labelled) {
  const stops = edges.map(() => -1), taken = {};
  const order = edges.map((_, edge) => edge).filter(edge => labelled[edge]);
  const span = edge => ranks[edges[edge][1]] - ranks[edges[edge][0]];
  order.sort((a, b) => span(a) - span(b) || a - b);
  for (const edge of order) {
    const first = 2 * ranks[edges[edge][0]] + 1, last = 2 * ranks[edges[edge][1]] - 1;
    let best = null;
    for (let stop = first; stop <= last; stop += 2) {
      const cost = [taken[stop] || 0, Math.abs(stop - (first + last) / 2)];
      if (!best || cost[0] < best.cost[0]
        || (cost[0] === best.cost[0] && cost[1] < best.cost[1])) best = { cost, stop };
    }
    stops[edge] = best.stop;
    taken[best.stop] = (taken[best.stop] || 0) + 1;
  }
  return stops;
}

/* The order in each column with few crossings: exchanges from several orders to start from. */
function untangle(columns, routes, home) {
  const gaps = columns.map(() => []);
  for (const route of routes) {
    for (let k = 1; k < route.length; k++) gaps[home[route[k - 1]]].push([route[k - 1], route[k]]);
  }
  let chosen = null, least = Infinity, state = 1;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (let start = 0; start < STARTS; start++) {
    const tried = columns.map(items => start
      ? items.map(item => [random(), item]).sort((a, b) => a[0] - b[0]).map(pair => pair[1])
      : [...items]);
    const above = [];
    for (const items of tried) items.forEach((item, place) => { above[item] = place; });
    const crossings = near => {
      let count = 0;
      for (const steps of near) {
        for (let i = 0; i < steps.length; i++) {
          for (let j = 0; j < i; j++) {
            const [a, b] = steps[i], [c, d] = steps[j];
            count += (above[a] - above[c]) * (above[b] - above[d]) < 0;
          }
        }
      }
      return count;
    };
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      tried.forEach((items, number) => {
        const near = gaps.slice(Math.max(number - 1, 0), number + 1);
        let now = crossings(near);
        for (let i = 0; i < items.length; i++) {
          for (let j = 0; j < i; j++) {
            const [a, b] = [items[i], items[j]];
            [above[a], above[b]] = [above[b], above[a]];
            const after = crossings(near);
            if (after < now || (after === now && sweep % 2 === 0)) now = after;
            else [above[a], above[b]] = [above[b], above[a]];
          }
        }
        items.sort((a, b) => above[a] - above[b]);
      });
    }
    const left = crossings(gaps);
    if (left < least) [least, chosen] = [left, tried];
  }
  return chosen;
}

/* Heights that keep the order and a distance of one slot, near those of what they are tied to. */
function settle(columns, routes, home, nodes) {
  const ties = home.map(() => []), heights = [];
  for (const route of routes) {
    for (let k = 1; k < route.length; k++) {
      const [a, b] = [route[k - 1], route[k]];
      const weight = [1, 2, 8][(a >= nodes) + (b >= nodes)];
      ties[a].push([b, weight]);
      ties[b].push([a, weight]);
    }
  }
  for (const items of columns) {
    items.forEach((item, place) => { heights[item] = place - (items.length - 1) / 2; });
  }
  for (let round = 0; round < SETTLING; round++) {
    const order = round % 2 ? [...columns].reverse() : columns;
    const loose = heights.reduce((sum, height) => sum + height, 0) / heights.length;
    for (const items of order) {
      const wanted = items.map((item, place) => {
        const near = ties[item].map(([other, weight]) => [heights[other], weight]);
        const weight = near.reduce((sum, tie) => sum + tie[1], 0);
        if (!weight) return { value: loose - place, weight: 1 };
        const value = round < SETTLING / 2 ? mean(near, weight) : median(near, weight);
        return { value: value - place, weight };
      });
      rising(wanted).forEach((value, place) => { heights[items[place]] = value + place; });
    }
  }
  const lowest = Math.min(...heights);
  return heights.map(height => height - lowest);
}

function mean(values, weights) {
  return values.reduce((sum, [value, weight]) => sum + value * weight, 0) / weights;
}

/* The middle one by weight, or the middle of two: it keeps level what passes through columns. */
function median(values, weights) {
  const order = [...values].sort((a, b) => a[0] - b[0]);
  const reaching = share => {
    let sum = 0;
    return order.find(([, weight]) => (sum += weight) >= share)[0];
  };
  return (reaching(weights / 2) + reaching(weights / 2 + 1e-9)) / 2;
}

/* The nearest sequence that never falls, by weighted least squares: adjacent violators pooled. */
function rising(wanted) {
  const blocks = [];
  for (const { value, weight } of wanted) {
    let block = { value, weight, count: 1 };
    while (blocks.length && blocks[blocks.length - 1].value > block.value) {
      const before = blocks.pop(), both = before.weight + block.weight;
      block = { value: (before.value * before.weight + block.value * block.weight) / both,
        weight: both, count: before.count + block.count };
    }
    blocks.push(block);
  }
  return blocks.flatMap(({ value, count }) => Array(count).fill(value));
}
