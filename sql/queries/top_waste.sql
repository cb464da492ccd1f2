-- Which workloads pay most for capacity they never use, even at their busiest hour?
-- cluster: name, empty for all
-- since: first day, default 14 days before until
-- until: day after the last, default the day after the newest roll-up
-- core_hour: price of a core-hour where none is known, default 0.0316
-- gib_hour: price of a GiB-hour where none is known, default 0.0042
-- currency: of prices that name none, default USD
-- limit: rows of each currency, default 20
WITH busiest AS (
    SELECT cluster, workload_id,
           max(cpu_cores_max) AS cpu_peak_cores, max(memory_bytes_max) AS memory_peak_bytes,
           sum(cpu_capacity_core_hours) / sum(on_hours) AS cpu_capacity_cores,
           sum(memory_capacity_byte_hours) / sum(on_hours) AS memory_capacity_bytes
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
      AND on_hours > 0
    GROUP BY cluster, workload_id
), waste AS (
    SELECT busiest.*, workload.owner,
           greatest(cpu_capacity_cores - cpu_peak_cores, 0) AS unused_cores,
           greatest(memory_capacity_bytes - memory_peak_bytes, 0) AS unused_memory_bytes,
           coalesce(CASE WHEN is_priced THEN workload.currency ELSE price.currency END, :'currency') AS currency,
           CASE WHEN is_priced THEN workload.core_hour
           ELSE coalesce(price.core_hour, :'core_hour'::double precision) END AS core_hour,
           CASE WHEN is_priced THEN workload.gib_hour
           ELSE coalesce(price.gib_hour, :'gib_hour'::double precision) END AS gib_hour
    FROM busiest
    LEFT JOIN (
        SELECT cluster, workload_id, owner, sku, core_hour, gib_hour, currency,
               core_hour IS NOT NULL AND gib_hour IS NOT NULL AS is_priced  -- half a price is none
        FROM current_workloads
    ) AS workload USING (cluster, workload_id)
    LEFT JOIN LATERAL unit_price(busiest.cluster, workload.sku) AS price ON true
), priced AS (
    SELECT *,
           -- 730 hours in a month; an unknown part counts nothing
           730 * (coalesce(unused_cores * core_hour, 0) + coalesce(unused_memory_bytes / 2 ^ 30 * gib_hour, 0))
               AS unused_monthly_cost
    FROM waste
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY currency ORDER BY unused_monthly_cost DESC, cluster, workload_id) AS rank
    FROM priced
)
SELECT cluster, workload_id, owner, cpu_peak_cores, unused_cores, memory_peak_bytes, unused_memory_bytes,
       unused_monthly_cost, currency
FROM ranked
WHERE rank <= :'limit'::integer
ORDER BY currency, rank;
