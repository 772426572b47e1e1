-- The rows of native batches.
SELECT
  project AS project_id, b.uid AS user_id, $names AS event_name, e.euid::UUID AS event_id, epoch_ms(e.t) AS time,
  epoch_ms(received) AS received_at, (received - b.now)::BIGINT AS skew_ms, e.sn AS session_number,
  e.upt AS uptime_ms, e.url, e.scn AS screen_count, e.c AS connectivity, e.ci AS carrier_id, e.o AS orientation,
  e.vo.sv AS sdk_version, e.vo.sb AS sdk_build, e.vo.av AS app_version, e.vo.af AS app_flavor,
  e.vo.ab AS app_build, e.st AS title, e.sl AS load_time_ms, e.tvp AS target_path, e.tvid AS target_id,
  e.ur AS responsive, e.fd AS direction, e.tvd AS distance, e.tvv AS velocity, e.tr.vl AS amount,
  e.tr.cu AS currency, e.tr.id AS transaction_id, e.k AS key, CASE WHEN e.ea = 18 THEN e.v END AS text,
  (CASE WHEN e.ea = 19 THEN e.v END)::BIGINT AS number, b.dt AS device_type, b.dma AS device_manufacturer,
  b.dmo AS device_model, b.os AS os_version, b.l AS language, b.tz AS timezone, epoch_ms(b.now) AS sent_at,
  b."to".an AS app_name, b."to".st AS sdk_type, b."to".sf AS sdk_flavor, b.r.w AS width, b.r.h AS height,
  b.r.d AS density, e.extra, b.extra AS header_extra
FROM (
  SELECT project, received, b, unnest(b.pl) AS e
  FROM (SELECT project, received, batch AS b FROM read_json($path,
    format = 'newline_delimited', maximum_object_size = $most, columns = {
      project: 'BIGINT', received: 'BIGINT', batch: 'STRUCT(
        uid VARCHAR, dt BIGINT, dma VARCHAR, dmo VARCHAR, os VARCHAR, l VARCHAR, tz VARCHAR, now BIGINT,
        "to" STRUCT(an VARCHAR, st VARCHAR, sf VARCHAR), r STRUCT(w BIGINT, h BIGINT, d DOUBLE), extra JSON,
        pl STRUCT(
          ea SMALLINT, upt BIGINT, euid VARCHAR, url VARCHAR, scn BIGINT, c TINYINT, ci VARCHAR, o TINYINT,
          vo STRUCT(sv VARCHAR, sb BIGINT, av VARCHAR, af VARCHAR, ab BIGINT), sn BIGINT, t BIGINT,
          st VARCHAR, sl BIGINT, tvp VARCHAR, tvid VARCHAR, ur BOOLEAN, fd TINYINT, tvd BIGINT, tvv BIGINT,
          tr STRUCT(vl DOUBLE, cu SMALLINT, id VARCHAR), k VARCHAR, v VARCHAR, extra JSON)[])'}))
)
