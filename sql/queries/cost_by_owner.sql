-- What does each owner's capacity cost, and how much of it is used?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- core_hour: price of a core-hour where none is known, default 0.0316
-- gib_hour: price of a GiB-hour where none is known, default 0.0042
-- currency: of prices that name none, default USD
WITH sizes AS (
    SELECT cluster, workload_id,
           sum(cpu_capacity_core_hours) AS core_hours, sum(memory_capacity_byte_hours) / 2 ^ 30 AS gib_hours,
           sum(cpu_used_core_hours) AS used_core_hours, sum(memory_used_byte_hours) / 2 ^ 30 AS used_gib_hours
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
    GROUP BY cluster, workload_id
), costs AS (
    SELECT coalesce(workload.owner, 'unassigned') AS owner, sizes.*,
           coalesce(CASE WHEN is_priced THEN workload.currency ELSE price.currency END, :'currency') AS currency,
           coalesce(core_hours * CASE WHEN is_priced THEN workload.core_hour
                                 ELSE coalesce(price.core_hour, :'core_hour'::double precision) END, 0)
         + coalesce(gib_hours * CASE WHEN is_priced THEN workload.gib_hour
                                ELSE coalesce(price.gib_hour, :'gib_hour'::double precision) END, 0) AS cost
    FROM sizes
    LEFT JOIN (
        SELECT cluster, workload_id, owner, sku, core_hour, gib_hour, currency,
               core_hour IS NOT NULL AND gib_hour IS NOT NULL AS is_priced  -- half a price is none
        FROM current_workloads
    ) AS workload USING (cluster, workload_id)
    LEFT JOIN LATERAL unit_price(sizes.cluster, workload.sku) AS price ON true
)
SELECT owner, count(*) AS workloads, currency, sum(cost) AS cost,
       sum(cost) / (24 * (:'until'::date - :'since'::date)) * 730 AS monthly_cost,
       sum(used_core_hours) / nullif(sum(core_hours), 0) AS cpu_utilization,
       sum(used_gib_hours) / nullif(sum(gib_hours), 0) AS memory_utilization
FROM costs
GROUP BY owner, currency
ORDER BY currency, cost DESC, owner;
