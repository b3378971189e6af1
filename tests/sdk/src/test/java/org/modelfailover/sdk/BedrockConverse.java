package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;

import software.amazon.awssdk.services.bedrockruntime.model.ContentBlock;
import software.amazon.awssdk.services.bedrockruntime.model.ContentBlockDelta;
import software.amazon.awssdk.services.bedrockruntime.model.ConversationRole;
import software.amazon.awssdk.services.bedrockruntime.model.ConverseStreamOutput;
import software.amazon.awssdk.services.bedrockruntime.model.ConverseStreamOutput.EventType;
import software.amazon.awssdk.services.bedrockruntime.model.ConverseStreamResponseHandler;
import software.amazon.awssdk.services.bedrockruntime.model.Message;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** {@code POST /model/<model>/converse} and {@code /converse-stream} with bedrockruntime. */
final class BedrockConverse extends Bedrock {
    BedrockConverse(String url) {
        super(url);
    }

    private static Message message(String question) {
        return Message.builder()
                .role(ConversationRole.USER)
                .content(ContentBlock.fromText(question))
                .build();
    }

    @Override
    public String ask(String model, String question) throws Exception {
        return end(client.converse(call -> call.modelId(model).messages(message(question))))
                .output()
                .message()
                .content()
                .stream()
                .map(
                        block ->
                                block.toolUse() == null
                                        ? block.text()
                                        : new Gson().toJson(block.toolUse().input().unwrap()))
                .collect(Collectors.joining());
    }

    private static String said(ContentBlockDelta delta) {
        return delta.toolUse() == null ? delta.text() : delta.toolUse().input();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) throws Exception {
        List<EventType> events = new CopyOnWriteArrayList<>();
        Consumer<ConverseStreamOutput> each = event -> events.add(event.sdkEventType());
        end(
                client.converseStream(
                        call -> call.modelId(model).messages(message(question)),
                        ConverseStreamResponseHandler.builder()
                                .subscriber(
                                        ConverseStreamResponseHandler.Visitor.builder()
                                                .onMessageStart(each::accept)
                                                .onMessageStop(each::accept)
                                                .onContentBlockDelta(
                                                        event -> pieces.accept(said(event.delta())))
                                                .build())
                                .build()));
        assertEquals(
                List.of(EventType.MESSAGE_START, EventType.MESSAGE_STOP),
                events,
                "events around the text");
    }
}
