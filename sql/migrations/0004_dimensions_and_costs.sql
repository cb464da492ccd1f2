-- What is known about workloads over time, and what they cost.

CREATE TABLE workloads (
    cluster               text COLLATE "C" NOT NULL,
    workload_id           text COLLATE "C" NOT NULL,
    valid_from            timestamptz NOT NULL,
    valid_to              timestamptz CHECK (valid_to > valid_from),  -- null: until further notice
    service               text,
    owner                 text,
    slo_class             text CHECK (slo_class IN ('critical', 'standard', 'batch')),
    resource_id           text,
    sku                   text,
    region                text,
    cpu_capacity_cores    double precision,
    memory_capacity_bytes double precision,
    core_hour             double precision,
    gib_hour              double precision,
    list_core_hour        double precision,
    list_gib_hour         double precision,
    currency              text,
    PRIMARY KEY (cluster, workload_id, valid_from)  -- "as of a time" is the last entry before it
);
COMMENT ON TABLE workloads IS 'Slowly changing dimension: a row for each spell in which the attributes stayed the same.';
-- One open spell per workload, and the join of every query with what is known now.
CREATE UNIQUE INDEX workloads_current ON workloads (cluster, workload_id) WHERE valid_to IS NULL;

CREATE VIEW current_workloads AS SELECT * FROM workloads WHERE valid_to IS NULL;

CREATE TABLE prices (
    cluster        text COLLATE "C",  -- null: any cluster
    sku            text,              -- null: any
    core_hour      double precision CHECK (core_hour >= 0),
    gib_hour       double precision CHECK (gib_hour >= 0),
    list_core_hour double precision CHECK (list_core_hour >= 0),
    list_gib_hour  double precision CHECK (list_gib_hour >= 0),
    currency       text NOT NULL DEFAULT 'USD' CHECK (length(currency) = 3),
    UNIQUE NULLS NOT DISTINCT (cluster, sku)
);
COMMENT ON TABLE prices IS 'Effective and list prices as a person writes them down; the most specific row wins.';

CREATE FUNCTION unit_price(of_cluster text, of_sku text) RETURNS SETOF prices
LANGUAGE sql STABLE AS $$
-- The most specific row: cluster and SKU, then cluster, then SKU, then any.
    SELECT * FROM prices
    WHERE (cluster IS NULL OR cluster = of_cluster) AND (sku IS NULL OR sku = of_sku)
    ORDER BY cluster NULLS LAST, sku NULLS LAST
    LIMIT 1
$$;

CREATE FUNCTION merge_workloads() RETURNS void
LANGUAGE plpgsql AS $$
-- Takes over what the temporary table incoming_workloads says from its valid_from on. Observations may come in any
-- order: one inside a spell splits it, one before the first known spell reaches up to it, the same again does nothing.
BEGIN
    ALTER TABLE incoming_workloads ADD COLUMN step text;

    UPDATE incoming_workloads AS new SET valid_to = old.valid_to, step = CASE
        WHEN (old.service, old.owner, old.slo_class, old.resource_id, old.sku, old.region, old.cpu_capacity_cores,
              old.memory_capacity_bytes, old.core_hour, old.gib_hour, old.list_core_hour, old.list_gib_hour, old.currency)
             IS NOT DISTINCT FROM
             (new.service, new.owner, new.slo_class, new.resource_id, new.sku, new.region, new.cpu_capacity_cores,
              new.memory_capacity_bytes, new.core_hour, new.gib_hour, new.list_core_hour, new.list_gib_hour, new.currency)
        THEN 'same' ELSE 'split' END
    FROM workloads AS old
    WHERE old.cluster = new.cluster AND old.workload_id = new.workload_id
      AND old.valid_from <= new.valid_from AND (old.valid_to IS NULL OR old.valid_to > new.valid_from);

    UPDATE incoming_workloads AS new SET step = 'first', valid_to = (
        SELECT min(later.valid_from) FROM workloads AS later
        WHERE later.cluster = new.cluster AND later.workload_id = new.workload_id AND later.valid_from > new.valid_from
    )
    WHERE step IS NULL;

    DELETE FROM workloads AS old USING incoming_workloads AS new
    WHERE new.step = 'split'
      AND old.cluster = new.cluster AND old.workload_id = new.workload_id AND old.valid_from = new.valid_from;

    UPDATE workloads AS old SET valid_to = new.valid_from FROM incoming_workloads AS new
    WHERE new.step = 'split'
      AND old.cluster = new.cluster AND old.workload_id = new.workload_id
      AND old.valid_from < new.valid_from AND (old.valid_to IS NULL OR old.valid_to > new.valid_from);

    INSERT INTO workloads
    SELECT cluster, workload_id, valid_from, valid_to, service, owner, slo_class, resource_id, sku, region,
           cpu_capacity_cores, memory_capacity_bytes, core_hour, gib_hour, list_core_hour, list_gib_hour, currency
    FROM incoming_workloads
    WHERE step <> 'same';
END $$;

-- Column names are those of the FOCUS 1.2 specification (https://focus.finops.org), hence their capitals.
CREATE TABLE cost_lines (
    cluster              text COLLATE "C" NOT NULL,
    "ResourceId"         text,
    "ResourceName"       text,
    "ResourceType"       text,
    "ChargeCategory"     text CHECK ("ChargeCategory" IN ('Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment')),
    "ChargeClass"        text,
    "ChargeDescription"  text,
    "ChargePeriodStart"  timestamptz NOT NULL,
    "ChargePeriodEnd"    timestamptz NOT NULL CHECK ("ChargePeriodEnd" > "ChargePeriodStart"),
    "BillingPeriodStart" timestamptz,
    "BillingPeriodEnd"   timestamptz,
    "BillingAccountId"   text,
    "SubAccountId"       text,
    "ProviderName"       text,
    "RegionId"           text,
    "ServiceCategory"    text,
    "ServiceName"        text,
    "SkuId"              text,
    "PricingCategory"    text,
    "PricingQuantity"    double precision,
    "PricingUnit"        text,
    "ConsumedQuantity"   double precision,
    "ConsumedUnit"       text,
    "ListUnitPrice"      double precision,
    "ListCost"           double precision,
    "ContractedCost"     double precision,
    "BilledCost"         double precision,
    "EffectiveCost"      double precision,
    "BillingCurrency"    text,
    "Tags"               json
);
COMMENT ON TABLE cost_lines IS 'A bill in FOCUS 1.2, at most one line per charge period, resource and meter.';
-- Replaced and read by cluster and charge period.
CREATE INDEX cost_lines_period ON cost_lines (cluster, "ChargePeriodStart");
