/**
 * Settings that Celery 5.6 has and celeriac does not read. A ported settings file may keep them: they are reported as
 * warnings, not as errors. `*` stands for any ending.
 */
const unusedSettings = `
beat_*
broker_read_url broker_write_url broker_transport broker_connection_retry broker_channel_error_retry broker_failover_strategy broker_heartbeat
broker_heartbeat_checkrate broker_login_method broker_native_delayed_delivery_queue_type broker_pool_limit
broker_pool_acquire_timeout broker_host broker_port broker_user broker_password broker_vhost
result_compression result_persistent result_cache_max result_exchange result_exchange_type
result_backend_always_retry result_backend_max_retries
result_backend_base_sleep_between_retries_ms result_backend_max_sleep_between_retries_ms result_backend_thread_safe
result_chord_retry_interval result_chord_join_timeout override_backends
database_url database_engine_options database_engine_callback database_short_lived_sessions database_table_schemas
database_table_names database_create_tables_at_setup cache_backend cache_backend_options
redis_* mongodb_backend_settings s3_* azureblockblob_* gcs_* firestore_project cassandra_* elasticsearch_*
couchbase_backend_settings arangodb_backend_settings cosmosdbsql_*
task_protocol task_queues task_default_queue_type task_default_exchange task_default_exchange_type
task_default_routing_key task_default_delivery_mode task_queue_max_priority
task_create_missing_queues task_create_missing_queue_type task_create_missing_queue_exchange_type
task_acks_on_failure_or_timeout task_acks_on_failure task_acks_on_timeout task_reject_on_worker_lost task_annotations
task_publish_retry task_publish_retry_policy task_remote_tracebacks
task_allow_error_cb_on_chord_header
worker_disable_prefetch worker_eta_task_limit worker_enable_prefetch_count_reduction worker_pool_putlocks
worker_autoscaler
worker_cancel_long_running_tasks_on_connection_loss worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle
worker_deduplicate_successful_tasks worker_state_db
worker_direct worker_lost_wait worker_detect_quorum_queues worker_hijack_root_logger
worker_log_color worker_log_format worker_task_log_format worker_redirect_stdouts worker_redirect_stdouts_level
worker_timer worker_timer_precision worker_agent worker_consumer worker_logfile worker_pidfile worker_uid worker_gid
worker_umask worker_executable worker_successful_max worker_successful_expires
event_queue_* event_serializer events_* control_* security_* db_reuse_max skip_checks
`

const unused = unusedSettings.trim().split(/\s+/)
const unusedNames = new Set(unused.filter((name) => !name.endsWith('*')))
const unusedPrefixes = unused.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))

/** Whether Celery has this setting (by its lower-case name) and celeriac does not read it. */
export function isUnusedCelerySetting(name: string): boolean {
  return unusedNames.has(name) || unusedPrefixes.some((prefix) => name.startsWith(prefix))
}
