"""From history and forecast of each workload to one recommendation: size, risk, money, reasons."""
