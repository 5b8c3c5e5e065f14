import { collectDefaultMetrics, Registry } from 'prom-client';
import { labelText, numberText, sampleHead, type MetricFamily, type MetricType } from './exposition.js';

/** prom-client's metrics of the process, the event loop, the heap and garbage collection. */
export class ProcessMetrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    // Gauges whose names end in _total, which promtool rightly minds.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  /** Reads them all now. */
  async families(): Promise<MetricFamily[]> {
    const metrics = await this.#registry.getMetricsAsJSON();
    return metrics.map((metric) => ({
      name: metric.name,
      help: metric.help,
      type: metricType(String(metric.type)),
      *lines() {
        for (const sample of metric.values) {
          // A histogram's samples say their whole names: with _bucket, _sum or _count.
          const name =
            'metricName' in sample && typeof sample.metricName === 'string' ? sample.metricName : metric.name;
          const labels = labelText(Object.keys(sample.labels), Object.values(sample.labels).map(String));
          yield `${sampleHead(name, labels)}${numberText(sample.value)}\n`;
        }
      },
    }));
  }
}

function metricType(type: string): MetricType {
  return type === 'counter' || type === 'histogram' ? type : 'gauge';
}
