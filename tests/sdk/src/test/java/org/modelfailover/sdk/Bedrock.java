package org.modelfailover.sdk;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.bedrockruntime.BedrockRuntimeAsyncClient;
import software.amazon.awssdk.services.bedrockruntime.model.BedrockRuntimeException;

import java.net.URI;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What both kinds of calls of Bedrock's runtime have in common. */
abstract class Bedrock implements Sdk {
    private static final int CONNECTIONS = 50;

    final BedrockRuntimeAsyncClient client;

    Bedrock(String url) {
        client =
                BedrockRuntimeAsyncClient.builder()
                        .endpointOverride(URI.create(url))
                        .region(Region.US_EAST_1)
                        .credentialsProvider(
                                StaticCredentialsProvider.create(
                                        AwsBasicCredentials.create("AKIDCALLER", "of-the-caller")))
                        .overrideConfiguration(
                                configuration ->
                                        configuration
                                                .retryStrategy(AwsRetryStrategy.doNotRetry())
                                                .putHeader("ApiKey", TOKEN))
                        .httpClientBuilder(
                                // Its own choice, HTTP/2, needs TLS to agree on something else.
                                NettyNioAsyncHttpClient.builder()
                                        .protocol(Protocol.HTTP1_1)
                                        .maxConcurrency(CONNECTIONS)
                                        .readTimeout(Duration.ofSeconds(HANG_SECONDS)))
                        .build();
    }

    static <T> T end(CompletableFuture<T> call) throws Exception {
        try {
            return call.get(HANG_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        } catch (TimeoutException e) {
            call.cancel(true);
            throw e;
        }
    }

    /** AWS tells an error by the status, or by an exception frame, and never by a 200's body. */
    @Override
    public boolean knows(Fault fault) {
        return fault != Fault.ERROR_WITH_STATUS_200;
    }

    @Override
    public OptionalInt status(Throwable thrown) {
        return thrown instanceof BedrockRuntimeException
                ? OptionalInt.of(((BedrockRuntimeException) thrown).statusCode())
                : OptionalInt.empty();
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof BedrockRuntimeException;
    }
}
