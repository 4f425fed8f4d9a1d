from ssl import SSLContext

class AIOKafkaConnection:
    def close(self) -> None: ...

async def create_conn(
    host: str,
    port: int,
    *,
    client_id: str = ...,
    request_timeout_ms: int = ...,
    ssl_context: SSLContext | None = ...,
    security_protocol: str = ...,
    sasl_mechanism: str | None = ...,
    sasl_plain_username: str | None = ...,
    sasl_plain_password: str | None = ...,
) -> AIOKafkaConnection: ...
def collect_hosts(hosts: str, randomize: bool = ...) -> list[tuple[str, int, int]]: ...
