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
